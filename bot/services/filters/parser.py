"""Parses the text after a command, and the compact form that a button carries."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, tzinfo
from difflib import get_close_matches
from typing import Any, Literal, Protocol

from bot.domain.accounts import Account, require_connection
from bot.domain.filters import Filters, Reading
from bot.errors import InvalidInput, OutdatedButton, Proposal
from bot.services.agents import (
    AGENT_NAMES_TIMEOUT_SECONDS,
    AgentNames,
    matching_agents,
    resolve_agents,
)
from bot.services.filters.dates import (
    MAX_DATE_WORDS,
    TIME_ADVICE,
    Period,
    Span,
    When,
    is_time,
    match_period,
    parse_when,
)
from bot.services.filters.definitions import (
    ALL_FILTERS,
    FILTERS_BY_NAME,
    STATUS_NAMES,
    Filter,
    join_words,
)
from bot.services.filters.tokens import (
    TypedFilter,
    Word,
    quoted_if_needed,
    tokenize,
    with_quotes,
)

STATUS_WORDS = STATUS_NAMES.keys() - {"error"}
"""Words that mean a status at the start; not `error`, which is common in messages."""

_PUNCTUATION = ".,;:!?"


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
        _check(since, until, now.timestamp())
        return replace(self.filters, since=since, until=until, in_utc=zone is None)


@dataclass(slots=True)
class _Parser:
    """Reads tokens; `facts` maps fields of `Filters` to their values.

    `prefix` is the filter that a command like `failed` adds to the text.
    """

    text: str
    is_search: bool
    prefix: str = ""
    words: list[Word] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    statuses: list[Word] = field(default_factory=list)
    readings: list[Reading] = field(default_factory=list)

    def read(self, tokens: Sequence[Word | TypedFilter]) -> None:
        """Add the filters and words, and the statuses before all words."""
        skip = 0
        for place, token in enumerate(tokens):
            if skip:
                skip -= 1
            elif isinstance(token, TypedFilter):
                skip = self._read_filter(token, tokens[place + 1 :])
            elif not self.is_search and not self.words and _is_status(token):
                self._add(FILTERS_BY_NAME["status"], (token.text.strip(_PUNCTUATION),))
                self.statuses.append(token)
            else:
                self.words.append(token)

    def note_statuses(self) -> None:
        """Note statuses that may be meant as search words: other words follow, or punctuation."""
        for word in self.statuses:
            if self.words or word.text[-1] in _PUNCTUATION:
                self.note("status", word.start, word.end)

    def _read_filter(self, token: TypedFilter, following: Sequence[Word | TypedFilter]) -> int:
        """Add a filter; returns how many of the words after it belong to its value."""
        known = _filter_named(token, self.text)
        try:
            if joined := _time_with_words(known, token, following):
                count, value = joined
                self._add(known, (value,))
                if len(token.values) == 1 and is_time(token.values[0]):
                    words = following[:count]
                    self.note("date", words[0].start, words[-1].end)
                return count
            self._add(known, token.values)
        except InvalidInput as error:
            self._complete(error, token)
            raise
        if token.is_loose:
            self.note("filter", token.start, token.end)
        return 0

    def note(self, kind: Literal["date", "status", "filter"], start: int, end: int) -> None:
        """Remember that these characters were read as a filter."""
        typed = self.text[start:end].strip(" ,")
        text = f"{self.prefix}{with_quotes(self.text, start, end)}"
        self.readings.append(Reading(typed, kind, text, self.is_search))

    def take_period(self, keep: int) -> Period:
        """Remove a date from the end of the words and return it; at least `keep` words remain."""
        for count in range(min(MAX_DATE_WORDS, len(self.words) - keep), 0, -1):
            last = self.words[-count:]
            if any(word.quoted for word in last):
                continue
            start, end = last[0].start, last[-1].end
            try:
                period = match_period(" ".join(word.text for word in last))
            except InvalidInput as error:  # the date is ambiguous
                at = self.text.lower().index(error.value, start)
                rest = self.text[at + len(error.value) :]
                error.surround_proposals(self.text[:at], rest)
                self._propose_search(error, start, end)
                raise
            if period:
                del self.words[-count:]
                self.note("date", start, end)
                return period
        return None, None

    def add_raw(self, raw: str) -> None:
        if not raw:
            raise InvalidInput("q: is empty", "q:", "Type the query after it: q:status:FAILURE")
        if self.words or any(one.narrows and one.key in self.facts for one in ALL_FILTERS):
            raise InvalidInput(
                "q: can't be combined with words or other filters",
                "q:",
                "Put everything into the query. Before q:, only page:, size:, sort:, fields: and "
                "tenant: are allowed.",
            )
        self.facts["raw_q"] = raw

    def _add(self, known: Filter, values: tuple[str, ...]) -> None:
        if not values:
            raise InvalidInput(
                "The filter is empty",
                f"{known.name}:",
                f"Type a value after the colon: {known.example}",
            )
        fact, before = known.read(values), self.facts.get(known.key)
        if isinstance(fact, tuple) and isinstance(before, tuple):
            fact = tuple(dict.fromkeys((*before, *fact)))
        elif before is not None:
            raise InvalidInput("This filter is used twice", f"{known.name}:", "Use it only once.")
        self.facts[known.key] = fact

    def _complete(self, error: InvalidInput, token: TypedFilter) -> None:
        """Extend proposals for the value to the whole text."""
        if error.value in token.values:
            values = ",".join(
                "\0" if one == error.value else quoted_if_needed(one) for one in token.values
            )
            before, _, after = values.partition("\0")
        else:
            before = after = ""
        error.surround_proposals(
            f"{self.text[: token.start]}{token.name}:{before}", f"{after}{self.text[token.end :]}"
        )
        if token.is_loose:
            self._propose_search(error, token.start, token.end)

    def _propose_search(self, error: InvalidInput, start: int, end: int) -> None:
        """Add the proposal to search for these characters instead."""
        typed = self.text[start:end].strip(" ,")
        proposal = Proposal(with_quotes(self.text, start, end), f'Search for "{typed}"')
        error.proposals = (*error.proposals, proposal)


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
    found = tokenize(text)
    parser = _Parser(text, not status_words, f"status:{','.join(statuses)} " if statuses else "")
    if statuses:
        parser.facts["statuses"] = statuses
    parser.read(found.tokens)
    if found.raw is not None:
        parser.add_raw(found.raw)
    since, until = _times(parser, date_words=date_words and found.raw is None)
    parser.note_statuses()
    words = tuple(word.text for word in parser.words)
    readings = tuple(parser.readings) if date_words else ()
    return ParsedFilters(Filters(words=words, readings=readings, **parser.facts), since, until)


def _times(parser: _Parser, *, date_words: bool) -> Period:
    since, until = parser.facts.pop("since", None), parser.facts.pop("until", None)
    if date_words and since is None and until is None and parser.words:
        return parser.take_period(keep=int(parser.is_search))
    return since, until


def _is_status(word: Word) -> bool:
    return not word.quoted and word.text.lower().strip(_PUNCTUATION) in STATUS_WORDS


def _time_with_words(
    known: Filter, token: TypedFilter, following: Sequence[Word | TypedFilter]
) -> tuple[int, str] | None:
    """How many of the next words belong to a time, as in `since:2026-11-24 08:15`, and the time."""
    if known.read is not parse_when or len(token.values) != 1:
        return None
    found, value = None, token.values[0]
    for count, word in enumerate(following[: MAX_DATE_WORDS - 1], start=1):
        if not isinstance(word, Word) or word.quoted:
            break
        value = f"{value} {word.text}"
        if is_time(value):
            found = count, value
    return found


_SAME = {"after": "since:", "from": "since:", "before": "until:", "to": "until:"}


def _filter_named(token: TypedFilter, text: str) -> Filter:
    name = token.name
    if found := FILTERS_BY_NAME.get(name):
        return found
    names = [f"{known.name}:" for known in ALL_FILTERS]
    near = [_SAME[name]] if name in _SAME else get_close_matches(f"{name}:", names, n=1)
    guess = f"Did you mean {near[0]}?" if near else f"The filters are {join_words(names)}."
    typed = text[token.start : token.end].strip(" ,")
    corrected = [Proposal(f"{text[: token.start]}{one}{text[token.at :]}") for one in near]
    as_word = Proposal(with_quotes(text, token.start, token.end), f'Search for "{typed}"')
    raise InvalidInput(
        "Unknown filter",
        f"{name}:",
        f'{guess} To search for the word itself, put it in quotes: "{name}:"',
        proposals=(*corrected, as_word),
    )


def _span(when: When, now: datetime) -> Span:
    try:
        return when.span(now)
    except (OverflowError, ValueError, OSError) as error:
        raise InvalidInput("That time is not in the calendar", advice=TIME_ADVICE) from error


def _check(since: float | None, until: float | None, now: float) -> None:
    if since is not None and since > now:
        raise InvalidInput(
            "The time after since: is in the future", advice="Use a time that has passed."
        )
    if min(since or 0, until or 0) < 0:
        raise InvalidInput("That time is before 1970", advice=TIME_ADVICE)
    if since is not None and until is not None and since >= until:
        raise InvalidInput(
            "There is no time between since: and until:",
            advice="The time after since: must be earlier than the one after until:.",
        )


MAX_COMPACT_LENGTH = 1500
"""A longer query has no compact form."""

_DEFAULTS = asdict(Filters())
_NOT_COMPACT = {"readings", "unknown"}


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

        Agents are looked up in `tenant` if the text names none; "" is the user's default.
        Raises InvalidInput; with a day or an agent also NotConnected and StoreUnavailable.
        """
        asked = parse(text, status_words=status_words, date_words=date_words, statuses=statuses)
        return await self.resolve(asked, account, clock, tenant=tenant)

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
