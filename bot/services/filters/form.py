"""Filters as the fields of a form, and as canonical text."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta, tzinfo

from bot.domain.filters import DEFAULT_PAGE_SIZE, Filters
from bot.errors import InvalidInput
from bot.services.filters.dates import Ago, parse_when
from bot.services.filters.definitions import SORTS
from bot.services.filters.parser import LocalClock, ParsedFilters, parse
from bot.services.filters.tokens import pair_quotes, quoted_if_needed
from bot.services.references import job_in_line

MAX_FIELD_LENGTH = 3000
"""A longer query cannot be shown in the form, but it can be typed."""
MAX_CHOICE_LENGTH = 150

PERIODS = {
    "today": ("today", ""),
    "yesterday": ("yesterday", "yesterday"),
    "24h": ("24h", ""),
    "7d": ("7d", ""),
}
"""The periods that the form offers, as the values of `since:` and `until:`."""
CUSTOM_PERIOD = "custom"
"""The choice of days, which are selected in separate fields."""

_PIECE = re.compile(r'(?:"[^"]*"|[^",，])+')


@dataclass(frozen=True, slots=True)
class FilterForm:
    """The values of the form's fields; `agent` is an id.

    `period` is a key of PERIODS, CUSTOM_PERIOD, or empty for any time. `since` and `until`, days
    like 2026-11-24, count only for a custom period; otherwise they are kept for the next time it is
    chosen. `more` has the filters without a field, as a user would type them. `has_more`: whether
    the form shows the fields that follow it here; if not, these are empty.
    """

    tenant: str = ""
    words: str = ""
    statuses: tuple[str, ...] = ()
    agent: str = ""
    agent_name: str = ""
    period: str = ""
    since: str = ""
    until: str = ""
    has_more: bool = False
    types: tuple[str, ...] = ()
    event: str = ""
    order: str = ""
    size: str = ""
    more: str = ""

    @property
    def is_custom(self) -> bool:
        return self.period == CUSTOM_PERIOD

    @property
    def job_id(self) -> str:
        """The job to open, if the words are only its id or a link to it; "" otherwise.

        In quotes, an id is a word to search for; in code ticks, as Slack shows ids, it is not.
        """
        is_quoted = '"' in pair_quotes(self.words.replace("`", " "))
        return "" if is_quoted else job_in_line(self.words)

    def with_more(self) -> FilterForm:
        """The same form with all fields, and their defaults."""
        return replace(
            self,
            has_more=True,
            order=self.order or "newest",
            size=self.size or str(DEFAULT_PAGE_SIZE),
        )

    @property
    def is_raw(self) -> bool:
        """Whether it has a query in Emporix's own language, which other fields cannot narrow."""
        asked = self._parse_more()
        return asked is not None and bool(asked.filters.raw_q)

    @property
    def has_times(self) -> bool:
        """Whether `more` has a time, which the fields for days cannot show."""
        asked = self._parse_more()
        return asked is not None and (asked.since is not None or asked.until is not None)

    def _parse_more(self) -> ParsedFilters | None:
        """None while the text is not correct; the user may still be typing."""
        with suppress(InvalidInput):
            return _parse_field(self.more, "more")
        return None


def form_from_values(
    values: Mapping[str, str],
    choices: Mapping[str, tuple[str, ...]],
    hidden: Mapping[str, str] | None = None,
) -> FilterForm:
    """Create the form from values by field name; missing values are in `hidden`, or empty."""
    values = {**(hidden or {}), **values}
    return FilterForm(
        tenant=values.get("tenant", ""),
        words=values.get("words", ""),
        statuses=choices.get("statuses", ()),
        agent=values.get("agent", ""),
        period=values.get("period", ""),
        since=values.get("since", ""),
        until=values.get("until", ""),
        has_more="more" in values,
        types=choices.get("types", ()),
        event=values.get("event", ""),
        order=values.get("order", ""),
        size=values.get("size", ""),
        more=values.get("more", ""),
    )


def parse_form(form: FilterForm) -> ParsedFilters:
    """Parse the form; raises InvalidInput with the `field` to correct."""
    if form.is_custom and form.since and form.until and form.until < form.since:
        raise InvalidInput("This day is before the first one", field="until")
    if _parse_field(form.words, "words").filters.raw_q:
        raise InvalidInput("Use the field Other filters for a query", "q:", field="words")
    pieces = dict(_pieces(form))
    for name, text in pieces.items():
        _parse_field(text, name)
    times = [pieces[name] for name in ("since", "until", "period") if name in pieces]
    _parse_field(" ".join((*times, pieces["words"])), "words")
    asked = _parse_field(" ".join(pieces.values()), "more" if form.has_more else "words")
    if form.is_custom and not (asked.since or asked.until or asked.filters.raw_q):
        advice = "Choose the first day, the last day or both, or another period."
        raise InvalidInput("No day is chosen", advice=advice, field="period")
    return asked


async def form_of(filters: Filters, tenant: str, clock: LocalClock) -> FilterForm:
    """Like `to_form`, for the user's time; asks for the time zone only if it matters."""
    has_times = filters.since is not None or filters.until is not None
    zone = await clock.zone() if has_times else None
    return to_form(filters, tenant, datetime.fromtimestamp(clock.now(), zone or UTC))


def to_form(filters: Filters, tenant: str, now: datetime) -> FilterForm:
    """Convert filters to a form, without the page.

    `now` is in the reader's time zone; only a time at which a day begins there becomes a day in the
    form. Raises InvalidInput if the query is too long.
    """
    period, zone = _period_of(filters, now), now.tzinfo
    if period != CUSTOM_PERIOD:
        filters = replace(filters, since=None, until=None)
    is_one_agent = len(filters.agents) == 1 and len(filters.agents[0]) <= MAX_CHOICE_LENGTH
    orders = {sort: name for name, sort in SORTS.items()}
    form = FilterForm(
        tenant=tenant,
        words=_typed_words(filters.words),
        statuses=filters.statuses,
        agent=filters.agents[0] if is_one_agent else "",
        agent_name=(*filters.agent_names, "")[0] if is_one_agent else "",
        period=period,
        since=_day_starting_at(filters.since, zone, back=0),
        until=_day_starting_at(filters.until, zone, back=1),
        has_more=True,
        types=tuple(type_.lower() for type_ in filters.types),
        event=", ".join(map(_between_commas, filters.events)),
        order=orders.get(filters.sort, ""),
        size=str(filters.size),
        more=" ".join(_more(filters, zone, is_one_agent=is_one_agent)),
    )
    without_more = replace(form, has_more=False, types=(), event="", order="", size="", more="")
    if without_more.with_more() == form:
        form = without_more
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
    if form.is_custom:
        yield from _given("since", "since", filter(None, [form.since]))
        yield from _given("until", "until", filter(None, [form.until]))
    elif form.period in PERIODS:
        names = zip(("since", "until"), PERIODS[form.period], strict=True)
        yield "period", " ".join(f"{name}:{value}" for name, value in names if value)
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
        if _parse_field(text, "words").filters.words == words and not job_in_line(text):
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


def _period_of(filters: Filters, now: datetime) -> str:
    """The choice that means these times, or CUSTOM_PERIOD; "" for any time."""
    times = filters.since, filters.until
    if times == (None, None):
        return ""
    for name, (since, until) in PERIODS.items():
        start = parse_when((since,))
        if isinstance(start, Ago) and start.length.total_seconds() == filters.last_seconds:
            return name
        if times == (start.span(now)[0], parse_when((until,)).span(now)[1] if until else None):
            return name
    return CUSTOM_PERIOD


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
