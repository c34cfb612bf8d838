"""Parses the text after a command, and the compact form that a button carries."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, tzinfo
from difflib import get_close_matches
from functools import partial
from itertools import pairwise, takewhile
from typing import Any, Literal, Protocol

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
    MAX_DATE_WORDS,
    TIME_ADVICE,
    Days,
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
    VALUES_OF_TWO_WORDS,
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
from bot.services.references import strip_wrappers

STATUS_WORDS = STATUS_NAMES.keys() - {"error"}
"""Words that mean a status at the start; not `error`, which is common in messages."""

_PUNCTUATION = ".,;:!?"
_STATUS = "|".join(sorted(STATUS_WORDS - {"in_progress", "ok"}))
_LIST_REQUEST = re.compile(
    r"\s*(?:please\s+)?"
    r"(?P<verb>(?:(?:show|list|display|give|get|see|find)(?:\s+me)?|how\s+many)\s+)?"
    r"(?P<which>(?:(?:all|any|the|of|my|our|newest|latest|recent)\s+)*)"
    rf"(?P<statuses>(?:(?:{_STATUS})(?:\s*,\s*|\s+(?:(?:and|or)\s+)?|[.!?]*\s*$))*)"
    r"(?P<noun>(?:jobs|failures)(?![\w:=-])[.,!?]*)?",
    re.ASCII | re.IGNORECASE,
)
_FIRST_STATUS = re.compile(r"(?:skipped|succeeded)(?!\w)", re.IGNORECASE)
"""Statuses without a command; the others are commands, or too short."""


@dataclass(frozen=True, slots=True)
class ListRequest:
    """The beginning of a text that asks for a list, until `end`: "show me the failed jobs"."""

    statuses: tuple[str, ...]
    end: int


def match_list_request(text: str, *, has_status: bool = False) -> ListRequest | None:
    """The request at the start of `text`; None if there is none.

    `has_status`: a command like `failed` precedes it. A line that is only "jobs" is none.
    """
    found = _LIST_REQUEST.match(text)
    if found is None:
        return None
    statuses = tuple(re.findall(_STATUS, found["statuses"].lower()))
    noun, asks = (found["noun"] or "").lower(), found["verb"] or "all" in found["which"].lower()
    if noun.startswith("failures"):
        statuses = (*statuses, "failed")
    if noun:
        is_request = asks or found["which"] or found["statuses"] or has_status
    else:
        is_request = asks and statuses
    return ListRequest(statuses, found.end()) if is_request else None


def lists_jobs(line: str) -> bool:
    """Whether a line is a date, or begins with a filter, a status or a request for a list."""
    line = line.strip()
    if match_list_request(line) or _FIRST_STATUS.match(line):
        return True
    if (first := tokenize(line).tokens[:1]) and isinstance(first[0], TypedFilter):
        return first[0].name in FILTERS_BY_NAME
    if len(line.split()) > MAX_DATE_WORDS:
        return False
    try:
        return match_period(line, is_alone=True) is not None
    except InvalidInput:  # an ambiguous date
        return True


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
    date_words: Reading | None = None
    readings: list[Reading] = field(default_factory=list)

    def read(self, tokens: Sequence[Word | TypedFilter]) -> None:
        """Add the filters and words, and the statuses before all words."""
        skip = 0 if self.is_search else self._read_request(tokens)
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

    def _read_request(self, tokens: Sequence[Word | TypedFilter]) -> int:
        """Read the words of a request, as in `show me the failed jobs`; returns their number."""
        request = match_list_request(self.text, has_status=bool(self.facts.get("statuses")))
        if request is None:
            return 0
        words = [token for token in tokens if token.start < request.end]
        if request.statuses:
            self._add(FILTERS_BY_NAME["status"], request.statuses)
        self.note("list", words[0].start, words[-1].end)
        return len(words)

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
            if values := _with_second_word(known, token, following):
                self._add(known, values)
                self.note("filter", following[0].start, following[0].end)
                return 1
            self._add(known, token.values)
        except InvalidInput as error:
            self._complete(error, token)
            raise
        if token.is_loose:
            self.note("filter", token.start, token.end)
        return 0

    def note(
        self, kind: Literal["date", "status", "filter", "list"], start: int, end: int
    ) -> Reading:
        """Remember that these characters were read as a filter."""
        typed = self.text[start:end].strip(" ,")
        text = f"{self.prefix}{with_quotes(self.text, start, end)}"
        reading = Reading(typed, kind, text, self.is_search)
        self.readings.append(reading)
        return reading

    def take_period(self, keep: int) -> Period:
        """Remove a date from the end of the words and return it; at least `keep` words remain.

        Raises InvalidInput if another date precedes it.
        """
        found = self._last_period(keep)
        if found is None:
            return None, None
        period, last = found
        del self.words[-len(last) :]
        start, end = last[0].start, last[-1].end
        self.date_words = self.note("date", start, end)
        if self._last_period(keep, is_other=True):
            error = InvalidInput(
                "There is more than one date",
                self.text[self.words[-1].start : end],
                "Use one, or two for the first and the last day, as in monday friday.",
            )
            self._propose_search(error, start, end)
            raise error
        return period

    def refuse_second_date(self, keep: int) -> None:
        """Raise InvalidInput if the words end in a date, although there is since: or until:."""
        found = self._last_period(keep, is_other=True)
        if found is None:
            return
        (first, _), last = found
        start, end = last[0].start, last[-1].end
        typed = self.text[start:end].strip(" ,")
        error = InvalidInput(
            "This is a second date",
            typed,
            "Use since: for the first day and until: for the last one, or quotes to search for it.",
        )
        name = "until" if "since" in self.facts else "since"
        if name not in self.facts and isinstance(first, Days) and is_time(typed):
            value = quoted_if_needed(typed)
            corrected = f"{self.text[:start]}{name}:{value}{self.text[end:]}"
            error.proposals = (Proposal(corrected),)
        self._propose_search(error, start, end)
        raise error

    def _last_period(
        self, keep: int, *, is_other: bool = False
    ) -> tuple[Period, list[Word]] | None:
        """The date at the end of the words, with its words; `is_other`: it is a second one."""
        for count in range(min(MAX_DATE_WORDS, len(self.words) - keep), 0, -1):
            last = self.words[-count:]
            if any(word.quoted for word in last) or self._is_interrupted(last):
                continue
            try:
                is_alone = count == len(self.words) and not is_other
                period = match_period(" ".join(word.text for word in last), is_alone=is_alone)
            except InvalidInput as error:  # the date is ambiguous
                start, end = last[0].start, last[-1].end
                at = self.text.lower().index(error.value, start)
                rest = self.text[at + len(error.value) :]
                error.surround_proposals(self.text[:at], rest)
                self._propose_search(error, start, end)
                raise
            if period:
                return period, last
        return None

    def _is_interrupted(self, words: Sequence[Word]) -> bool:
        """Whether something else, such as a filter, is between these words."""
        return any(self.text[one.end : two.start].strip(" ,") for one, two in pairwise(words))

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
        search = _search_instead(with_quotes(self.text, start, end), typed)
        error.proposals = (*error.proposals, *search)


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
    parser = _Parser(text, not status_words, _prefix(statuses))
    if statuses:
        parser.facts["statuses"] = statuses
    parser.read(found.tokens)
    if found.raw is not None:
        parser.add_raw(found.raw)
    since, until = _times(parser, date_words=date_words and found.raw is None)
    parser.note_statuses()
    words = tuple(word.text for word in parser.words)
    readings = tuple(parser.readings) if date_words else ()
    filters = Filters(words=words, readings=readings, **parser.facts)
    return ParsedFilters(filters, since, until, parser.date_words)


def _prefix(statuses: tuple[str, ...]) -> str:
    return f"status:{','.join(statuses)} " if statuses else ""


def _times(parser: _Parser, *, date_words: bool) -> Period:
    since, until = parser.facts.get("since"), parser.facts.get("until")
    if date_words and parser.words:
        if since is None and until is None:
            since, until = parser.take_period(keep=int(parser.is_search))
        else:
            parser.refuse_second_date(keep=int(parser.is_search))
    for name in ("since", "until"):
        parser.facts.pop(name, None)
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


def _with_second_word(
    known: Filter, token: TypedFilter, following: Sequence[Word | TypedFilter]
) -> tuple[str, ...]:
    """The values with the word after them, if that completes one: `agent-type:fraud check`."""
    if not token.values or not following or not isinstance(following[0], Word):
        return ()
    if following[0].quoted or known.name not in VALUES_OF_TWO_WORDS:
        return ()
    whole = f"{token.values[-1]} {following[0].text.strip(_PUNCTUATION)}"
    is_value = whole.lower() in VALUES_OF_TWO_WORDS[known.name]
    return (*token.values[:-1], whole) if is_value else ()


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


def _check(
    since: float | None, until: float | None, now: float, date_words: Reading | None
) -> None:
    typed = date_words.typed if date_words else ""
    search = _search_instead(date_words.text, typed) if date_words else ()
    if since is not None and since > now:
        raise InvalidInput(
            "This date is in the future" if typed else "The time after since: is in the future",
            typed,
            "Use a time that has passed.",
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


def _search_instead(text: str, typed: str) -> tuple[Proposal, ...]:
    return (Proposal(text, f'Search for "{typed}"'),)


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
        for name, value in asdict(filters).items()
        if value != _DEFAULTS[name] and name not in _NOT_COMPACT
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
    near = get_close_matches(error.tenant, error.connected, n=1)
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
