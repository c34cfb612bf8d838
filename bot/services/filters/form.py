"""Filters as the fields of a form, and as canonical text."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo

from bot.domain.filters import DEFAULT_PAGE_SIZE, Filters
from bot.errors import InvalidInput
from bot.services.filters.definitions import SORTS
from bot.services.filters.parser import ParsedFilters, parse
from bot.services.filters.tokens import pair_quotes, quoted_if_needed

MAX_FIELD_LENGTH = 3000
"""A longer query cannot be shown in the form, but it can be typed."""
MAX_CHOICE_LENGTH = 150

_PIECE = re.compile(r'(?:"[^"]*"|[^",，])+')


@dataclass(frozen=True, slots=True)
class FilterForm:
    """The values of the form's fields; days are like 2026-11-24, and `agent` is an id.

    `more` has the filters without a field, as a user would type them.
    """

    tenant: str = ""
    words: str = ""
    statuses: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    agent: str = ""
    agent_name: str = ""
    event: str = ""
    since: str = ""
    until: str = ""
    order: str = "newest"
    size: str = str(DEFAULT_PAGE_SIZE)
    more: str = ""

    @property
    def is_raw(self) -> bool:
        """Whether it has a query in Emporix's own language, which other fields cannot narrow."""
        return bool(_parse_field(self.more, "more").filters.raw_q)


def form_from_values(
    values: Mapping[str, str], choices: Mapping[str, tuple[str, ...]]
) -> FilterForm:
    """Create the form from values by field name; missing values are empty."""
    return FilterForm(
        tenant=values.get("tenant", ""),
        words=values.get("words", ""),
        statuses=choices.get("statuses", ()),
        types=choices.get("types", ()),
        agent=values.get("agent", ""),
        event=values.get("event", ""),
        since=values.get("since", ""),
        until=values.get("until", ""),
        order=values.get("order", ""),
        size=values.get("size", ""),
        more=values.get("more", ""),
    )


def parse_form(form: FilterForm) -> ParsedFilters:
    """Parse the form; raises InvalidInput with the `field` to correct."""
    if form.since and form.until and form.until < form.since:
        raise InvalidInput("This day is before the first one", field="until")
    if _parse_field(form.words, "words").filters.raw_q:
        raise InvalidInput("Use the field More filters for a query", "q:", field="words")
    pieces = dict(_pieces(form))
    for name, text in pieces.items():
        _parse_field(text, name)
    times = [pieces[name] for name in ("since", "until") if name in pieces]
    _parse_field(" ".join((*times, pieces["words"])), "words")
    return _parse_field(" ".join(pieces.values()), "more")


def to_form(filters: Filters, tenant: str, zone: tzinfo | None) -> FilterForm:
    """Convert filters to a form, without the page.

    `zone` is the reader's time zone; only a time at which a day begins there becomes a day in the
    form. Raises InvalidInput if the query is too long.
    """
    is_one_agent = len(filters.agents) == 1 and len(filters.agents[0]) <= MAX_CHOICE_LENGTH
    orders = {sort: name for name, sort in SORTS.items()}
    form = FilterForm(
        tenant=tenant,
        words=_typed_words(filters.words),
        statuses=filters.statuses,
        types=tuple(type_.lower() for type_ in filters.types),
        agent=filters.agents[0] if is_one_agent else "",
        agent_name=(*filters.agent_names, "")[0] if is_one_agent else "",
        event=", ".join(map(_between_commas, filters.events)),
        since=_day_starting_at(filters.since, zone, back=0),
        until=_day_starting_at(filters.until, zone, back=1),
        order=orders.get(filters.sort, ""),
        size=str(filters.size),
        more=" ".join(_more(filters, zone, is_one_agent=is_one_agent)),
    )
    if max(len(form.words), len(form.event), len(form.more)) > MAX_FIELD_LENGTH:
        raise InvalidInput("This query is too long for a form", advice="Type it as a command.")
    return form


def to_text(filters: Filters) -> str:
    """The canonical text of filters, as typed after `jobs list`, without the page."""
    words = [f'"{word}"' if '"' not in word else quoted_if_needed(word) for word in filters.words]
    orders = {sort: name for name, sort in SORTS.items()}
    pieces = [
        *_texts("status", filters.statuses),
        *_texts("type", (type_.lower() for type_ in filters.types)),
        *_texts("event", filters.events),
        *([f"sort:{orders[filters.sort]}"] if filters.sort in orders else []),
        f"size:{filters.size}",
        *([f"tenant:{filters.tenant}"] if filters.tenant else []),
        *words,
        *_more(filters, None, is_one_agent=False, with_days=True),
    ]
    return " ".join(pieces)


def _pieces(form: FilterForm) -> Iterator[tuple[str, str]]:
    """Each field as typed text; `q:` is last, because it includes everything after it."""
    for name, key in (("tenant", "tenant"), ("order", "sort"), ("size", "size")):
        if given := getattr(form, name):
            yield name, f"{key}:{given}"
    yield from _given("statuses", "status", form.statuses)
    yield from _given("types", "type", form.types)
    yield from _given("agent", "agent", filter(None, [form.agent]))
    yield from _given("event", "event", _parted(form.event))
    yield from _given("since", "since", filter(None, [form.since]))
    yield from _given("until", "until", filter(None, [form.until]))
    yield "words", pair_quotes(form.words)
    yield "more", form.more


def _more(
    filters: Filters, zone: tzinfo | None, *, is_one_agent: bool, with_days: bool = False
) -> Iterator[str]:
    """The filters without a field; if `with_days`, these include whole days."""
    if not is_one_agent:
        yield from _texts("agent", filters.agents)
    yield from _texts("agent-type", filters.agent_types)
    yield from _texts("session", filters.sessions)
    if filters.since is not None and (
        with_days or not _day_starting_at(filters.since, zone, back=0)
    ):
        yield f"since:{_utc_time(math.floor(filters.since))}"
    if filters.until is not None and (
        with_days or not _day_starting_at(filters.until, zone, back=1)
    ):
        yield f"until:{_utc_time(math.ceil(filters.until))}"
    if filters.sort not in SORTS.values():
        yield f"sort:{filters.sort}"
    yield from _texts("fields", filters.fields)
    if filters.raw_q:
        yield f"q:{filters.raw_q}"


def _parse_field(text: str, field: str) -> ParsedFilters:
    try:
        return parse(text, status_words=False)
    except InvalidInput as error:
        raise InvalidInput(error.problem, error.value, error.advice, field=field) from error


def _given(field: str, name: str, values: Iterable[str]) -> Iterator[tuple[str, str]]:
    yield from ((field, text) for text in _texts(name, values))


def _texts(name: str, values: Iterable[str]) -> Iterator[str]:
    if quoted := ",".join(map(quoted_if_needed, values)):
        yield f"{name}:{quoted}"


def _typed_words(words: tuple[str, ...]) -> str:
    """Words as a user would type them: all in quotes if they would be read as something else."""
    text = " ".join(map(quoted_if_needed, words))
    with suppress(InvalidInput):
        if _parse_field(text, "words").filters.words == words:
            return text
    return " ".join(f'"{word}"' if '"' not in word else quoted_if_needed(word) for word in words)


def _between_commas(value: str) -> str:
    """Format one of several values for a field in which only commas have a meaning."""
    is_plain = not re.search("[,，]", value) and pair_quotes(value) == value
    return value if is_plain else quoted_if_needed(value)


def _parted(field: str) -> Iterator[str]:
    """The values between the commas of a field; a comma in quotes does not count."""
    for piece in _PIECE.findall(pair_quotes(field)):
        if value := piece.replace('"', "").strip():
            yield value


def _day_starting_at(at: float | None, zone: tzinfo | None, *, back: int) -> str:
    """The day that begins at this time, minus `back` days; "" if no day begins then."""
    if at is None:
        return ""
    day = datetime.fromtimestamp(at, zone or UTC).date()
    if datetime.combine(day, time(), zone or UTC).timestamp() != at:
        return ""
    return (day - timedelta(days=back)).isoformat()


def _utc_time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
