"""Parses the text after a command, and the compact form that a button carries."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, tzinfo
from functools import partial
from itertools import takewhile
from typing import Any, Protocol

from bot.domain.accounts import Account, require_connection
from bot.domain.filters import Filters, Reading
from bot.errors import InvalidInput, NotConnected, OutdatedButton, Proposal
from bot.services.agents import (
    AGENT_NAMES_TIMEOUT_SECONDS,
    AgentNames,
    Names,
    is_agent,
    matching_agents,
    resolve_agents,
)
from bot.services.filters.dates import (
    TIME_ADVICE,
    Ago,
    Span,
    When,
)
from bot.services.filters.reader import (
    FilterReader,
    read_times,
    search_instead,
    with_date_last,
)
from bot.services.filters.tokens import (
    TypedFilter,
    Word,
    tokenize,
    with_quotes,
)
from bot.services.references import strip_wrappers
from bot.services.similarity import close_matches


class LocalClock(Protocol):
    """The time, and the time zone of the user: None if it is not known."""

    def now(self) -> float: ...
    async def zone(self) -> tzinfo | None: ...


@dataclass(frozen=True, slots=True)
class ParsedFilters:
    """Filters that are complete except for the times, which are kept as they were typed."""

    filters: Filters
    since: When | None = None
    until: When | None = None
    date_words: Reading | None = None
    """The last words, if they are the date."""

    async def resolve(self, clock: LocalClock) -> Filters:
        """The filters with times; asks for the time zone only if it matters.

        Raises InvalidInput if a time is in the future, or the range is empty.
        """
        times = [when for when in (self.since, self.until) if when]
        if not times:
            return self.filters
        local = any(when.needs_zone for when in times)
        zone = await clock.zone() if local else UTC
        now = datetime.fromtimestamp(clock.now(), zone or UTC)
        since = _span(self.since, now)[0] if self.since else None
        until = _span(self.until, now)[1] if self.until else None
        _check(since, until, now.timestamp(), self.date_words)
        last_seconds = 0.0
        if isinstance(self.since, Ago) and self.until is None:
            last_seconds = self.since.length.total_seconds()
        return replace(
            self.filters,
            since=since,
            until=until,
            in_utc=zone is None,
            last_seconds=last_seconds,
        )


def parse(
    text: str,
    *,
    status_words: bool = True,
    date_words: bool = True,
    statuses: tuple[str, ...] = (),
) -> ParsedFilters:
    """Parse the filters and words in `text`; raises InvalidInput with the wrong part and advice.

    `status_words`: the first words may mean a status, as in `jobs failed`; without it, the text is
    a search, which needs a word. `date_words`: the last words may mean a date, as in
    `failed yesterday`. `statuses` are those of a command like `failed`.
    """
    if not text and not statuses:
        return ParsedFilters(Filters())
    if status_words and date_words:
        text = with_date_last(text)
    found = tokenize(text)
    parser = FilterReader(text, not status_words, _prefix(statuses))
    if statuses:
        parser.facts["statuses"] = statuses
    parser.read(found.tokens)
    if found.raw is not None:
        parser.add_raw(found.raw)
    since, until = read_times(parser, date_words=date_words and found.raw is None)
    parser.note_statuses()
    words = tuple(word.text for word in parser.words)
    readings = tuple(parser.readings) if date_words else ()
    filters = Filters(words=words, readings=readings, **parser.facts)
    return ParsedFilters(filters, since, until, parser.date_words)


def _prefix(statuses: tuple[str, ...]) -> str:
    return f"status:{','.join(statuses)} " if statuses else ""


def _span(when: When, now: datetime) -> Span:
    try:
        return when.span(now)
    except (OverflowError, ValueError, OSError) as error:
        raise InvalidInput("That date is out of range", advice=TIME_ADVICE) from error


def _check(
    since: float | None, until: float | None, now: float, date_words: Reading | None
) -> None:
    typed = date_words.typed if date_words else ""
    search = search_instead(date_words.text, typed) if date_words else ()
    if since is not None and since > now:
        raise InvalidInput(
            "This date is in the future" if typed else "The time after since: is in the future",
            typed,
            "Use a time in the past.",
            proposals=search,
        )
    if min(since or 0, until or 0) < 0:
        raise InvalidInput("That time is before 1970", advice=TIME_ADVICE)
    if since is not None and until is not None and since >= until:
        if typed:
            raise InvalidInput(
                "The second date is before the first",
                typed,
                "Type the earlier one first, or use since: and until:.",
                proposals=search,
            )
        raise InvalidInput(
            "There is no time between since: and until:",
            advice="The time after since: must be earlier than the one after until:.",
        )


MAX_COMPACT_LENGTH = 1500
"""A longer query has no compact form."""

_DEFAULTS = asdict(Filters())
_NOT_COMPACT = {"readings", "unknown", "unknown_agents"}


def to_compact(filters: Filters, *, searched: bool) -> str:
    """Write the filters without defaults; "" if too long, or if a newer version created them."""
    if filters.unknown:
        return ""
    facts = {
        name: value
        for name, default in _DEFAULTS.items()
        if name not in _NOT_COMPACT and (value := getattr(filters, name)) != default
    }
    short = json.dumps([int(searched), facts], separators=(",", ":"), ensure_ascii=False)
    return short if len(json.dumps(short)) <= MAX_COMPACT_LENGTH else ""


def from_compact(short: str) -> tuple[Filters, bool]:
    """The filters, and whether it is a search; raises OutdatedButton for any other text."""
    try:
        searched, facts = json.loads(short)
        return Filters(**{name: _value(name, fact) for name, fact in facts.items()}), bool(searched)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise OutdatedButton from error


def _value(name: str, fact: Any) -> Any:
    """A tuple if the default is one: JSON has only lists."""
    if isinstance(fact, list) != isinstance(_DEFAULTS[name], tuple):
        raise TypeError(name)
    return tuple(map(str, fact)) if isinstance(fact, list) else fact


def _with_whole_name(text: str, names: Names) -> tuple[str, Sequence[Word]] | None:
    """The text with quotes around an agent's name of several words, and its words but the first.

    None if no filter is followed by words that complete the name of an agent.
    """
    tokens = tokenize(text).tokens
    for place, token in enumerate(tokens):
        if not isinstance(token, TypedFilter) or token.name != "agent" or not token.values:
            continue
        value = token.values[-1]
        start = token.end - len(value)
        if text[start : token.end] != value or is_agent(value, names):
            continue
        following = tokens[place + 1 : place + MAX_NAME_WORDS]
        words = [*takewhile(lambda one: isinstance(one, Word) and not one.quoted, following)]
        for count in range(len(words), 0, -1):
            if is_agent(text[start : words[count - 1].end], names):
                whole = with_quotes(text, start, words[count - 1].end)
                return whole, [word for word in words[:count] if isinstance(word, Word)]
    return None


def correct_tenant(text: str, error: NotConnected) -> tuple[Proposal, ...]:
    """Propose the text with the name of a connected tenant instead of a similar one."""
    near = close_matches(error.tenant, error.connected, n=1)
    if not near:
        return ()
    for token in tokenize(text).tokens:
        if isinstance(token, TypedFilter) and token.name == "tenant":
            return (Proposal(f"{text[: token.start]}tenant:{near[0]}{text[token.end :]}"),)
    is_tenant = strip_wrappers(text).lower() == error.tenant
    return (Proposal(near[0]),) if is_tenant else ()


MAX_NAME_WORDS = 6
"""How many words the name of an agent can have without quotes."""

SUGGESTIONS_TIMEOUT_SECONDS = 1.0
"""How long to wait for the names of agents before suggesting none."""


class FilterResolver:
    """Parses the text after a command, and resolves its times and agents."""

    def __init__(self, names: AgentNames) -> None:
        self._names = names

    async def parse(
        self,
        text: str,
        account: Account,
        clock: LocalClock,
        *,
        status_words: bool = True,
        date_words: bool = True,
        statuses: tuple[str, ...] = (),
        tenant: str = "",
    ) -> Filters:
        """The filters in `text`; the options are those of `parse`.

        Words after `agent:` belong to the name of an agent if they complete it.
        Agents are looked up in `tenant` if the text names none; "" is the user's default.
        Raises InvalidInput; with a day or an agent also NotConnected and StoreUnavailable.
        """
        read = partial(parse, status_words=status_words, date_words=date_words, statuses=statuses)
        filters = await self.resolve(read(text), account, clock, tenant=tenant)
        if not filters.unknown_agents:
            return filters
        connection = require_connection(account, filters.tenant or tenant)
        names = await self._names.get_within(connection, AGENT_NAMES_TIMEOUT_SECONDS)
        found = _with_whole_name(text, names)
        if found is None:
            return filters
        whole, words = found
        filters = await self.resolve(read(whole), account, clock, tenant=tenant)
        start, end = words[0].start, words[-1].end
        undone = f"{_prefix(statuses)}{with_quotes(text, start, end)}"
        reading = Reading(text[start:end], "agent", undone, not status_words)
        return replace(filters, readings=(reading, *filters.readings) if date_words else ())

    async def resolve(
        self, asked: ParsedFilters, account: Account, clock: LocalClock, *, tenant: str = ""
    ) -> Filters:
        """The filters with times and ids of agents; otherwise as `parse`."""
        filters = await asked.resolve(clock)
        if not filters.agents:
            return filters
        connection = require_connection(account, filters.tenant or tenant)
        self._names.prefetch(connection)
        return resolve_agents(
            filters, await self._names.get_within(connection, AGENT_NAMES_TIMEOUT_SECONDS)
        )

    async def suggest_agents(self, account: Account, tenant: str, typed: str) -> dict[str, str]:
        """The agents whose name or id contains `typed`, names by id; raises NotConnected."""
        connection = require_connection(account, tenant)
        self._names.prefetch(connection)
        return matching_agents(
            typed, await self._names.get_within(connection, SUGGESTIONS_TIMEOUT_SECONDS)
        )
