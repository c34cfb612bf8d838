"""Parses filters that were typed, or that a button carries in a compact form."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, tzinfo
from difflib import get_close_matches
from typing import Any, Protocol

from bot.domain.accounts import Account, require_connection
from bot.domain.filters import Filters
from bot.errors import InvalidInput, OutdatedButton
from bot.services.agents import (
    AGENT_NAMES_TIMEOUT_SECONDS,
    AgentNames,
    matching_agents,
    resolve_agents,
)
from bot.services.filters.definitions import ALL_FILTERS, FILTERS_BY_NAME, RAW_QUERY, Filter
from bot.services.filters.values import STATUS_NAMES, TIME_ADVICE, Span, When, join_words

# Clients turn straight quotes into curly ones while people type.
_STRAIGHT = str.maketrans("“”„‟«»", '""""""')
_STRAIGHT_IN_RAW = str.maketrans("“”", '""')

_START = r"[A-Za-z][A-Za-z_-]*:(?!//)"  # status:   but not https://
_VALUE = rf'(?:(?<!\s)|(?!{_START}))(?:"[^"]*"|[^\s",])+'
_NAME = re.compile(_START)
_VALUES = re.compile(rf"[\s,]*{_VALUE}(?:\s*,[\s,]*{_VALUE})*(?:\s*,)*")
_ONE_VALUE = re.compile(r'(?:"[^"]*"|[^\s",])+')
_WORD = re.compile(r'"(?P<phrase>[^"]*)"|(?P<word>[^\s"]+)')
_SPACE = re.compile(r"\s*")


@dataclass(frozen=True, slots=True)
class Word:
    """A word, or a phrase that stood in quotes; never empty."""

    text: str
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class TypedFilter:
    """A filter as it was typed: `agent-type` of `Agent_Type: x`; the values may be none."""

    name: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TokenizedText:
    """`raw` is all behind `q:`, None where there is no `q:`."""

    tokens: tuple[Word | TypedFilter, ...]
    raw: str | None = None


def tokenize(text: str) -> TokenizedText:
    """The words and filters in `text`, in their order; raises nothing."""
    plain = pair_quotes(text)
    found: list[Word | TypedFilter] = []
    at = _skip_space(plain, 0)
    while at < len(plain):
        if name := _NAME.match(plain, at):
            if _settled(name[0]) == RAW_QUERY:
                raw = text[name.end() :].translate(_STRAIGHT_IN_RAW).strip()
                return TokenizedText(tuple(found), raw)
            values = _VALUES.match(plain, name.end())
            found.append(TypedFilter(_settled(name[0]), _parted(values[0] if values else "")))
            at = _skip_space(plain, values.end() if values else name.end())
        else:
            word = _WORD.match(plain, at)
            assert word is not None  # noqa: S101 - quotes come in pairs, so something always fits
            found.extend(_word(word))
            at = _skip_space(plain, word.end())
    return TokenizedText(tuple(found))


def pair_quotes(text: str) -> str:
    """The same with straight quotes in pairs, so that what is put behind it is not drawn in."""
    return _with_pairs_only(text.translate(_STRAIGHT))


def _with_pairs_only(text: str) -> str:
    """A quote that is never closed is as good as none; each letter keeps its place."""
    if text.count('"') % 2 == 0:
        return text
    last = text.rindex('"')
    return f"{text[:last]} {text[last + 1 :]}"


def _word(found: re.Match[str]) -> list[Word]:
    quoted = found["phrase"] is not None
    text = _one_line(found["phrase"] if quoted else found["word"])
    return [Word(text, quoted)] if text else []


def _parted(values: str) -> tuple[str, ...]:
    """The alternatives between commas; a comma in quotes does not part."""
    pieces = (_one_line(piece.replace('"', "")) for piece in _ONE_VALUE.findall(values))
    return tuple(piece for piece in pieces if piece)


def _settled(name: str) -> str:
    """One spelling of a name: capitals and underscores do not matter."""
    return name.removesuffix(":").lower().replace("_", "-")


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _skip_space(text: str, at: int) -> int:
    space = _SPACE.match(text, at)
    return space.end() if space else at


STATUS_WORDS = STATUS_NAMES.keys() - {"error"}
"""These mean a status in front of all other words; `error` is what messages say."""


class LocalClock(Protocol):
    """The time, and the time zone of the user: None if it is not known."""

    def now(self) -> float: ...
    async def zone(self) -> tzinfo | None: ...


@dataclass(frozen=True, slots=True)
class ParsedFilters:
    """`filters` are whole but for the times, which are as they were typed."""

    filters: Filters
    since: When | None = None
    until: When | None = None

    async def resolve(self, clock: LocalClock) -> Filters:
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
class _ParserState:
    """What has been read so far, by the keys of `Filters`."""

    words: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)


def parse(text: str, *, status_words: bool = True) -> ParsedFilters:
    """What was asked for; raises InvalidInput naming the word that cannot be, and what can.

    `status_words`: the first words may mean a status, as in `jobs failed`.
    """
    found, reading = tokenize(text), _ParserState()
    for token in found.tokens:
        if isinstance(token, TypedFilter):
            _add(reading, _filter_named(token.name), token.values)
        elif status_words and not reading.words and _is_status(token):
            _add(reading, FILTERS_BY_NAME["status"], (token.text,))
        else:
            reading.words.append(token.text)
    if found.raw is not None:
        _add_raw(reading, found.raw)
    since, until = reading.facts.pop("since", None), reading.facts.pop("until", None)
    return ParsedFilters(Filters(words=tuple(reading.words), **reading.facts), since, until)


def _is_status(word: Word) -> bool:
    return not word.quoted and word.text.lower() in STATUS_WORDS


def _filter_named(name: str) -> Filter:
    if found := FILTERS_BY_NAME.get(name):
        return found
    names = [f"{known.name}:" for known in ALL_FILTERS]
    near = get_close_matches(f"{name}:", names, n=1)
    guess = f"Did you mean {near[0]}?" if near else f"There are {join_words(names)}."
    raise InvalidInput(
        "Unknown filter",
        f"{name}:",
        f'{guess} To look for the word itself, put it into quotes: "{name}:"',
    )


def _add(reading: _ParserState, known: Filter, values: tuple[str, ...]) -> None:
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
        raise InvalidInput("This filter is used twice", f"{known.name}:", "Use it only once.")
    reading.facts[known.key] = fact


def _add_raw(reading: _ParserState, raw: str) -> None:
    if not raw:
        raise InvalidInput("q: is empty", "q:", "Type the query behind it: q:status:FAILURE")
    if reading.words or any(known.narrows and known.key in reading.facts for known in ALL_FILTERS):
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
        raise InvalidInput("That time is not in the calendar", advice=TIME_ADVICE) from error


def _check(since: float | None, until: float | None, now: float) -> None:
    if since is not None and since > now:
        raise InvalidInput(
            "The time behind since: is still to come", advice="It can be now at the latest."
        )
    if min(since or 0, until or 0) < 0:
        raise InvalidInput("That time is before 1970", advice=TIME_ADVICE)
    if since is not None and until is not None and since >= until:
        raise InvalidInput(
            "Nothing lies between since: and until:",
            advice="The time behind since: must be earlier than the one behind until:.",
        )


MAX_COMPACT_LENGTH = 1500
"""A longer query has no compact form."""


_DEFAULTS = asdict(Filters())


def to_compact(filters: Filters, *, searched: bool) -> str:
    """What differs from a list of all jobs; "" if that is too long or a newer version's."""
    if filters.unknown:
        return ""
    facts = {name: value for name, value in asdict(filters).items() if value != _DEFAULTS[name]}
    short = json.dumps([int(searched), facts], separators=(",", ":"), ensure_ascii=False)
    return short if len(json.dumps(short)) <= MAX_COMPACT_LENGTH else ""


def from_compact(short: str) -> tuple[Filters, bool]:
    """The filters, and whether it is a search; raises OutdatedButton for what is none of ours."""
    try:
        searched, facts = json.loads(short)
        return Filters(**{name: _value(name, fact) for name, fact in facts.items()}), bool(searched)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise OutdatedButton from error


def _value(name: str, fact: Any) -> Any:
    """A tuple where the default is one: JSON has lists only."""
    if isinstance(fact, list) != isinstance(_DEFAULTS[name], tuple):
        raise TypeError(name)
    return tuple(map(str, fact)) if isinstance(fact, list) else fact


SUGGESTIONS_TIMEOUT_SECONDS = 1.0
"""How long suggestions of agents wait for the names."""


class FilterResolver:
    """Reads what was typed behind a command as filters."""

    def __init__(self, names: AgentNames) -> None:
        self._names = names

    async def parse(
        self,
        text: str,
        account: Account,
        clock: LocalClock,
        *,
        status_words: bool = True,
        tenant: str = "",
    ) -> Filters:
        """The filters that were meant; `status_words` as in `parse`.

        `tenant` is the one whose agents are meant where none was typed, "" for the default one.
        Raises InvalidInput for what cannot be; where a day or an agent was typed also NotConnected
        and StoreUnavailable.
        """
        asked = parse(text, status_words=status_words)
        return await self.resolve(asked, account, clock, tenant=tenant)

    async def resolve(
        self, asked: ParsedFilters, account: Account, clock: LocalClock, *, tenant: str = ""
    ) -> Filters:
        """The filters that were meant by what has been read already; otherwise as `parse`."""
        filters = await asked.resolve(clock)
        if not filters.agents:
            return filters
        connection = require_connection(account, filters.tenant or tenant)
        self._names.prefetch(connection)
        return resolve_agents(
            filters, await self._names.get_within(connection, AGENT_NAMES_TIMEOUT_SECONDS)
        )

    async def suggest_agents(self, account: Account, tenant: str, typed: str) -> dict[str, str]:
        """The agents whose name or id has `typed` in it, names by id; raises NotConnected."""
        connection = require_connection(account, tenant)
        self._names.prefetch(connection)
        return matching_agents(
            typed, await self._names.get_within(connection, SUGGESTIONS_TIMEOUT_SECONDS)
        )
