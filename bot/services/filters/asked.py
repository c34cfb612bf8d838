"""All that was typed, put together: `Filters`, but for what depends on where the asker is."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, tzinfo
from difflib import get_close_matches
from typing import Any, Protocol

from bot.errors import InvalidInput
from bot.models import Filters
from bot.services.filters.known import BY_NAME, FILTERS, Filter
from bot.services.filters.times import POSSIBLE, Span, When
from bot.services.filters.tokens import Given, Word, typed
from bot.services.filters.values import STATUSES, listed

STATUS_WORDS = STATUSES.keys() - {"error"}
"""These mean a status in front of all other words; `error` is what messages say."""


class LocalClock(Protocol):
    """The time, and the zone of whoever asks: None where Slack does not say."""

    def now(self) -> float: ...
    async def zone(self) -> tzinfo | None: ...


@dataclass(frozen=True, slots=True)
class Asked:
    """`filters` are whole but for the times, which are as they were typed."""

    filters: Filters
    since: When | None = None
    until: When | None = None

    async def settled(self, clock: LocalClock) -> Filters:
        """With the times that were meant; asks for the zone only where it matters.

        Raises InvalidInput for a time that is still to come, and for an empty stretch of time.
        """
        times = [when for when in (self.since, self.until) if when]
        if not times:
            return self.filters
        local = any(when.needs_zone for when in times)
        zone = await clock.zone() if local else UTC
        now = datetime.fromtimestamp(clock.now(), zone or UTC)
        since = _span(self.since, now)[0] if self.since else None
        until = _span(self.until, now)[1] if self.until else None
        _check(since, until, now.timestamp())
        return replace(self.filters, since=since, until=until, in_utc=zone is None)


@dataclass(slots=True)
class _Reading:
    """What has been read so far, by the keys of `Filters`."""

    words: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)


def parse(text: str, *, status_words: bool = True) -> Asked:
    """What was asked for; raises InvalidInput naming the word that cannot be, and what can.

    `status_words`: the first words may mean a status, as in `jobs failed`.
    """
    found, reading = typed(text), _Reading()
    for token in found.tokens:
        if isinstance(token, Given):
            _add(reading, _known(token.name), token.values)
        elif status_words and not reading.words and _is_status(token):
            _add(reading, BY_NAME["status"], (token.text,))
        else:
            reading.words.append(token.text)
    if found.raw is not None:
        _add_raw(reading, found.raw)
    since, until = reading.facts.pop("since", None), reading.facts.pop("until", None)
    return Asked(Filters(words=tuple(reading.words), **reading.facts), since, until)


def _is_status(word: Word) -> bool:
    return not word.quoted and word.text.lower() in STATUS_WORDS


def _known(name: str) -> Filter:
    if found := BY_NAME.get(name):
        return found
    names = [f"{known.name}:" for known in FILTERS]
    near = get_close_matches(f"{name}:", names, n=1)
    guess = f"Did you mean {near[0]}?" if near else f"There are {listed(names)}."
    raise InvalidInput(
        "There is no such filter",
        f"{name}:",
        f'{guess} To look for the word itself, put it into quotes: "{name}:"',
    )


def _add(reading: _Reading, known: Filter, values: tuple[str, ...]) -> None:
    if not values:
        raise InvalidInput(
            "The filter is empty",
            f"{known.name}:",
            f"Type a value behind the colon: {known.example}",
        )
    fact, before = known.read(values), reading.facts.get(known.key)
    if isinstance(fact, tuple) and isinstance(before, tuple):
        fact = tuple(dict.fromkeys((*before, *fact)))
    elif before is not None:
        raise InvalidInput(
            "The filter stands there twice", f"{known.name}:", "It can be said only once."
        )
    reading.facts[known.key] = fact


def _add_raw(reading: _Reading, raw: str) -> None:
    if not raw:
        raise InvalidInput("q: is empty", "q:", "Type the query behind it: q:status:FAILURE")
    if reading.words or any(known.narrows and known.key in reading.facts for known in FILTERS):
        raise InvalidInput(
            "q: stands alone",
            "q:",
            "Put everything into it; beside it only page:, size:, sort:, fields: and tenant:.",
        )
    reading.facts["raw_q"] = raw


def _span(when: When, now: datetime) -> Span:
    try:
        return when.span(now)
    except (OverflowError, ValueError, OSError) as error:
        raise InvalidInput("That time is not in the calendar", advice=POSSIBLE) from error


def _check(since: float | None, until: float | None, now: float) -> None:
    if since is not None and since > now:
        raise InvalidInput(
            "The time behind since: is still to come", advice="It can be now at the latest."
        )
    if min(since or 0, until or 0) < 0:
        raise InvalidInput("That time is before 1970", advice=POSSIBLE)
    if since is not None and until is not None and since >= until:
        raise InvalidInput(
            "Nothing lies between since: and until:",
            advice="The time behind since: must be earlier than the one behind until:.",
        )
