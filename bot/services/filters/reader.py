"""Reads tokens as filters, and says which words could also be words to search for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Literal

from bot.domain.filters import Reading
from bot.errors import InvalidInput, Proposal
from bot.services.filters.dates import (
    MAX_DATE_WORDS,
    Days,
    Period,
    is_time,
    match_period,
    parse_when,
)
from bot.services.filters.definitions import (
    ALL_FILTERS,
    FILTERS_BY_NAME,
    MAX_FILTER_SIZE,
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
    with_next_words,
    with_quotes,
)
from bot.services.similarity import close_matches

STATUS_WORDS = STATUS_NAMES.keys() - {"error"}
"""Words that mean a status at the start; not `error`, which is common in messages."""

_PUNCTUATION = ".,;:!?"
_STATUS = "|".join(sorted(STATUS_WORDS - {"in_progress", "ok"}))
_LIST_REQUEST = re.compile(
    r"\s*(?:please\s+)?"
    r"(?P<verb>(?:(?:show|list|display|give|get|see|find)(?:\s+me)?|how\s+many|what|which)\s+)?"
    r"(?P<which>(?:(?:all|any|the|of|my|our|(?P<newest>newest|latest|recent|last))\s+(?!\d))*)"
    r"(?:(?:last|newest|latest|top)\s+(?P<size>\d{1,3})(?:\s+|\s*$))?"
    rf"(?P<statuses>(?:(?:{_STATUS})(?:\s*,\s*|\s+(?:(?:and|or)\s+)?|[.!?]*\s*$))*)"
    r"(?P<noun>(?:jobs|failures|(?(newest)(?P<one>job|failure)|(?!)))(?![\w:=-])[.,!?]*)?",
    re.ASCII | re.IGNORECASE,
)
_FIRST_STATUS = re.compile(r"(?:skipped|succeeded)(?!\w)", re.IGNORECASE)
"""Statuses that can begin a line but have no command; the others have one, or are too short."""


@dataclass(frozen=True, slots=True)
class RequestedList:
    """The part of a text, up to `end`, that asks for a list: "show me the failed jobs".

    `size` is the number of jobs if the text says it, as in "last 5 jobs".
    """

    statuses: tuple[str, ...]
    end: int
    size: str = ""


def match_list_request(text: str, *, has_status: bool = False) -> RequestedList | None:
    """The request at the start of `text`, such as "latest failed"; None if there is none.

    `has_status`: a command like `failed` precedes it. A line that contains only "jobs" is not a
    request.
    """
    found = _LIST_REQUEST.match(text)
    if found is None:
        return None
    statuses = tuple(re.findall(_STATUS, found["statuses"].lower()))
    size = found["size"] or ("1" if found["one"] else "")
    asks = found["verb"] or found["newest"] or "all" in found["which"].lower()
    noun = (found["noun"] or "").lower()
    if noun.startswith("failure"):
        statuses = (*statuses, "failed")
    if noun:
        is_request = asks or found["which"] or size or found["statuses"] or has_status
    else:
        is_request = ((asks or size) and statuses) or (size and found.end() == len(text))
    return RequestedList(statuses, found.end(), size) if is_request else None


MAX_LEADING_DATE_WORDS = 3
_POSSESSIVE = re.compile("['’]s$")


def with_date_last(text: str) -> str:
    """Move a date from the start of a list request to its end, as in "yesterday failed"."""
    words = text.split()
    for count in range(min(MAX_LEADING_DATE_WORDS, len(words) - 1), 0, -1):
        date, rest = _POSSESSIVE.sub("", " ".join(words[:count])), " ".join(words[count:])
        for listed in (rest, f"all {rest}"):
            request = match_list_request(listed)
            is_list = request.end == len(listed) if request else listed.lower() in STATUS_WORDS
            if is_list and _is_period(date):
                return f"{listed} {date}"
    return text


def _is_period(text: str, *, is_alone: bool = False) -> bool:
    try:
        return match_period(text, is_alone=is_alone) is not None
    except InvalidInput:  # ambiguous
        return True


def lists_jobs(line: str) -> bool:
    """Whether a line is a date, or begins with a filter, a status or a request for a list."""
    line = line.strip()
    if with_date_last(line) != line:
        return True
    if match_list_request(line) or _FIRST_STATUS.match(line):
        return True
    if (first := tokenize(line).tokens[:1]) and isinstance(first[0], TypedFilter):
        return first[0].name in FILTERS_BY_NAME
    return len(line.split()) <= MAX_DATE_WORDS and _is_period(line, is_alone=True)


@dataclass(slots=True)
class FilterReader:
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
        """Add the filters, the search words, and the statuses that come before the search words."""
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
        if request.size:
            self._add(FILTERS_BY_NAME["size"], (str(min(int(request.size), MAX_FILTER_SIZE)),))
        self.note("list", words[0].start, words[-1].end)
        return len(words)

    def note_statuses(self) -> None:
        """Note statuses that may be meant as search words: other words follow, or punctuation."""
        for word in self.statuses:
            if self.words or word.text[-1] in _PUNCTUATION:
                self.note("status", word.start, word.end)

    def _read_filter(self, token: TypedFilter, following: Sequence[Word | TypedFilter]) -> int:
        """Add a filter; returns how many of the words after it belong to its value."""
        if (known := FILTERS_BY_NAME.get(token.name)) is None:
            raise unknown_filter(token, self.text)
        try:
            if joined := _time_with_words(known, token, following):
                count, value = joined
                self._add(known, (value,))
                end = following[count - 1].end
                if token.is_loose:
                    self.note("filter", token.start, end)
                elif is_time(token.values[0]):
                    self.note("date", following[0].start, end)
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
        """Raise InvalidInput if the words end with a date but since: or until: is already given."""
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
                period = match_period(
                    " ".join(word.text for word in last),
                    is_alone=is_alone,
                    has_status=is_alone and "statuses" in self.facts,
                )
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
        search = search_instead(with_quotes(self.text, start, end), typed)
        error.proposals = (*error.proposals, *search)


def read_times(parser: FilterReader, *, date_words: bool) -> Period:
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
    words = MAX_DATE_WORDS - 1 if known.read is parse_when else 0
    times = [one for one in with_next_words(token, following, words) if is_time(one[1])]
    return times[-1] if times else None


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


ALL_NAMES = tuple(known.name for known in ALL_FILTERS)


def unknown_filter(token: TypedFilter, text: str, known: Sequence[str] = ALL_NAMES) -> InvalidInput:
    """The error of a filter that doesn't exist; the names of those that do are `known`."""
    name, names = token.name, [f"{one}:" for one in known]
    is_same = _SAME.get(name) in names
    near = [_SAME[name]] if is_same else close_matches(f"{name}:", names, n=1)
    guess = f"Did you mean {near[0]}?" if near else f"The filters are {join_words(names)}."
    typed = text[token.start : token.end].strip(" ,")
    corrected = [Proposal(f"{text[: token.start]}{one}{text[token.at :]}") for one in near]
    as_word = Proposal(with_quotes(text, token.start, token.end), f'Search for "{typed}"')
    return InvalidInput(
        "Unknown filter",
        f"{name}:",
        f'{guess} To search for the word itself, put it in quotes: "{name}:"',
        proposals=(*corrected, as_word),
    )


def search_instead(text: str, typed: str) -> tuple[Proposal, ...]:
    return (Proposal(text, f'Search for "{typed}"'),)
