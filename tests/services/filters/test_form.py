"""A query as a form or as text asks for the same as the query itself."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, fields, replace
from datetime import datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.filters import Filters
from bot.errors import InvalidInput, OutdatedButton
from bot.rendering.buttons import FilterFormState, ListButton, decode
from bot.rendering.renderer import Renderer
from bot.services.filters.dates import Ago
from bot.services.filters.form import FilterForm, form_from_values, parse_form, to_form, to_text
from bot.services.filters.parser import MAX_COMPACT_LENGTH, from_compact, parse, to_compact
from bot.slack.request import checked_options, form_values, normalized
from sandbox.slack.inputs import initial_state
from tests.harness.clock import NOW
from tests.harness.outcome import outcome
from tests.services.filters.fake_clock import FakeWall

BERLIN = ZoneInfo("Europe/Berlin")
HERE = FakeWall()
RENDERER = Renderer.default()
ID = "68835cc3ef4e8e1425c360ad"
LINK = f"https://admin.emporix.io/apps/administration/ai-agents#/logs/jobs/{ID}"

words = st.sampled_from(
    (
        *("yesterday", "last week", "status=failed", "'late'", "--size", "1.11.", "failed"),
        *("since:", ID, ID.upper(), LINK, "job", "show"),
    )
) | st.text(
    st.characters(exclude_categories=["C", "Z"], exclude_characters='"“”„‟«»'),
    min_size=1,
    max_size=12,
).filter(lambda word: not re.search(":[a-z0-9_+\\'-]+:", word))  # emoji
phrases = st.lists(words, min_size=1, max_size=3).map(" ".join).map(normalized)
several = st.lists(phrases, max_size=3, unique=True).map(tuple)
times = st.none() | st.integers(0, 200).map(lambda hours: NOW - NOW % 3600 - hours * 3600)
periods = st.sampled_from(
    (
        *("", "", "since:today", "since:yesterday until:yesterday", "since:24h", "since:7d"),
        *("since:2h", "since:today until:today", "until:yesterday", "since:yesterday"),
    )
)


def here(zone: tzinfo = BERLIN) -> datetime:
    return datetime.fromtimestamp(HERE.now(), zone)


def typed_period(text: str) -> tuple[float | None, float | None, float]:
    """The times of a period that was typed just now."""
    asked = parse(text)
    since, until = asked.since, asked.until
    return (
        since.span(here())[0] if since else None,
        until.span(here())[1] if until else None,
        since.length.total_seconds() if isinstance(since, Ago) and not until else 0.0,
    )


@st.composite
def queries(draw: st.DrawFn) -> Filters:
    """Any query that a form can ask for."""
    since, until, last_seconds = draw(times), draw(times), 0.0
    if since is not None and until is not None and since >= until:
        since = None
    if period := draw(periods):
        since, until, last_seconds = typed_period(period)
    return Filters(
        words=tuple(draw(st.lists(phrases, max_size=4))),
        statuses=draw(st.sampled_from([(), ("failure",), ("success", "skipped")])),
        types=draw(st.sampled_from([(), ("EXPORT",), ("AGENT_CHAT", "IMPORT")])),
        agents=draw(several),
        agent_types=draw(st.sampled_from([(), ("complaint",), ("generic", "anti_fraud")])),
        events=draw(several),
        sessions=draw(several),
        since=since,
        until=until,
        last_seconds=last_seconds,
        sort=draw(
            st.sampled_from(["metadata.createdAt:DESC", "metadata.createdAt:ASC", "agentId:ASC"])
        ),
        size=draw(st.just(10) | st.integers(1, 12)),
        fields=draw(st.sampled_from([(), ("id", "status")])),
    )


@given(queries())
async def test_asks_for_the_same(filters: Filters) -> None:
    """A form that is opened for any query and submitted unchanged asks for it, to the second."""
    form = unchanged(to_form(filters, "acme", here()), ("acme", "globex"))
    assert form.job_id == ""
    assert await parse_form(form).resolve(HERE) == replace(filters, tenant="acme")
    assert unchanged(form, ("acme",)) == form


def unchanged(form: FilterForm, tenants: tuple[str, ...]) -> FilterForm:
    """The form as submitted by a user of these tenants who opened it and changed nothing."""
    facts = {"tenant": form.tenant, "tenants": tenants, "error": None, "note": "", "list_id": ""}
    view: Any = RENDERER.render("jobs/filter", form=form, **facts)
    filled = {"state": {"values": initial_state(view["blocks"])}}
    hidden = asdict(decode(view["private_metadata"], FilterFormState))
    return form_from_values(form_values(filled), checked_options(filled), hidden)


@given(queries())
async def test_the_canonical_text_asks_for_the_same(filters: Filters) -> None:
    """The canonical text of a query asks for this query, to the second, and has no readings."""
    again = await parse(to_text(filters)).resolve(HERE)
    assert again == filters
    assert again.readings == ()


async def test_days_are_days_of_the_reader() -> None:
    """A whole day of the reader is a day in the form; any other time is under Other filters."""
    filters = await parse("since:2026-11-01 until:2026-11-02").resolve(HERE)
    form = to_form(filters, "acme", here())
    assert form.is_custom
    assert (form.since, form.until, form.more) == ("2026-11-01", "2026-11-02", "")
    form = to_form(filters, "acme", here(ZoneInfo("America/New_York")))
    assert form.is_custom
    assert (form.since, form.until) == ("", "")
    assert form.more == "since:2026-10-31T23:00:00Z until:2026-11-02T23:00:00Z"


def test_shows_each_part_in_its_place() -> None:
    """A filter without a field is under Other filters, which the form then shows."""
    filters = Filters(
        words=("late refund", "invoice"),
        agents=("complaint-agent",),
        agent_names=("Complaint Agent",),
        agent_types=("complaint",),
        sort="agentId:ASC",
    )
    assert to_form(filters, "acme", here()) == FilterForm(
        tenant="acme",
        words='"late refund" invoice',
        agent="complaint-agent",
        agent_name="Complaint Agent",
        has_more=True,
        size="10",
        more="agent-type:complaint sort:agentId:ASC",
    )


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("", False),
        ("status:failed agent:a since:yesterday until:yesterday refund", False),
        ("since:2026-11-01", False),
        ("sort:newest size:10", False),
        ("type:export", True),
        ("event:a.b", True),
        ("sort:oldest", True),
        ("size:5", True),
        ("agent:a,b", True),
        ("agent-type:fraud", True),
        ("session:x", True),
        ("fields:id", True),
        ("since:2h", True),
        ("q:status:FAILURE", True),
    ],
)
async def test_shows_more_filters_only_if_one_is_used(typed: str, shown: bool) -> None:
    """The form opens with all fields if the query uses one of those after More filters."""
    filters = await parse(typed).resolve(HERE)
    assert to_form(filters, "acme", here()).has_more is shown


@pytest.mark.parametrize(
    ("words", "period"),
    [
        ("refund today", "today"),
        ("refund yesterday", "yesterday"),
        ("refund last 24 hours", "24h"),
        ("refund last 7 days", "7d"),
        ("refund last week", "custom"),
        ("refund", ""),
    ],
)
async def test_periods_are_those_that_can_be_typed(words: str, period: str) -> None:
    """A period of the form is the same as its words at the end of a search, a minute later too."""
    typed = await parse(words).resolve(HERE)
    form = to_form(typed, "acme", here() + timedelta(minutes=1))
    assert form.period == period
    assert replace(await parse_form(form).resolve(HERE), tenant="") == typed


@pytest.mark.parametrize("typed", ["since:today", "since:yesterday until:yesterday"])
async def test_a_past_day_keeps_its_date(typed: str) -> None:
    """A search that was for today or yesterday is tomorrow for a custom period with its days."""
    filters = await parse(typed).resolve(HERE)
    form = to_form(filters, "acme", here() + timedelta(days=1))
    assert form.is_custom
    assert form.since
    assert replace(await parse_form(form).resolve(HERE), tenant="") == filters


async def test_a_query_of_its_own_stays_whole() -> None:
    """`q:` is under Other filters, and no other field may narrow it."""
    form = to_form(Filters(raw_q='status:FAILURE message:~"a b"'), "acme", here())
    assert form.is_raw
    assert (await parse_form(form).resolve(HERE)).raw_q == 'status:FAILURE message:~"a b"'
    with pytest.raises(InvalidInput, match="q: can't be combined") as raised:
        parse_form(replace(form, words="refund"))
    assert raised.value.field == "more"


@pytest.mark.parametrize(
    ("form", "field"),
    [
        (FilterForm(words="stats:failed"), "words"),
        (FilterForm(words="q:status:FAILURE"), "words"),
        (FilterForm(size="13"), "size"),
        (FilterForm(period="custom", since="2026-11-02", until="2026-11-01"), "until"),
        (FilterForm(period="custom"), "period"),
        (FilterForm(words="since:7d", period="today"), "words"),
        (FilterForm(more="since:7d", period="today", has_more=True), "more"),
        (FilterForm(more="agent-type:robot", has_more=True), "more"),
        (FilterForm(more="sort:oldest", order="newest", has_more=True), "more"),
    ],
)
def test_a_problem_names_its_field(form: FilterForm, field: str) -> None:
    """A problem names the field that has to be corrected."""
    with pytest.raises(InvalidInput) as raised:
        parse_form(form)
    assert raised.value.field == field


def test_an_open_quote_stays_in_its_field() -> None:
    """An open quote does not include the next field."""
    asked = parse_form(FilterForm(words='late "refund', more='session:"x'))
    assert asked.filters.words == ("late", "refund")
    assert asked.filters.sessions == ("x",)


def test_a_query_can_be_too_long_for_a_form() -> None:
    """A query that is too long for a form is refused, not cut."""
    with pytest.raises(InvalidInput, match="too long"):
        to_form(Filters(words=("x" * 3001,)), "acme", here())


@given(st.dictionaries(st.sampled_from(["words", "event", "more", "size", "agent"]), st.text()))
def test_whatever_is_filled_in_is_read_or_refused(values: dict[str, str]) -> None:
    """Any input becomes filters, or a problem with advice at one of the fields."""
    found = outcome(InvalidInput, lambda: parse_form(form_from_values(values, {})))
    if isinstance(found, InvalidInput):
        assert found.field in {field.name for field in fields(FilterForm)}
        assert found.problem
        assert found.advice


TEXTS = st.lists(st.text(max_size=300), max_size=4).map(tuple)


@given(
    filters=st.builds(
        Filters, words=TEXTS, statuses=TEXTS, agents=TEXTS, raw_q=st.text(), size=st.integers(1, 12)
    ),
    searched=st.booleans(),
)
def test_a_compact_query_is_parsed_unchanged(filters: Filters, searched: bool) -> None:
    """A compact query is the same query again, and fits into a button together with its cursor."""
    short = to_compact(filters, searched=searched)
    assert ListButton(cursor="pQ3vYkz1mXw7Lr0a", page=100_000, query=short).value
    if short:
        assert from_compact(short) == (filters, searched)
    else:
        assert len(json.dumps(json.dumps([0, str(filters)]))) > MAX_COMPACT_LENGTH


def test_is_short() -> None:
    """The compact form has only the differences from a list of all jobs."""
    assert to_compact(Filters(), searched=False) == "[0,{}]"
    assert (
        to_compact(Filters(statuses=("failure",)), searched=True) == '[1,{"statuses":["failure"]}]'
    )


@pytest.mark.parametrize(
    "short",
    ["", "[", "7", "[0]", "[0,7]", '[0,{"later":1}]', '[0,{"words":"a"}]', '[0,{"size":[1]}]'],
)
def test_an_unknown_query_is_outdated(short: str) -> None:
    """The query of a later version, or any other text, is an outdated button."""
    with pytest.raises(OutdatedButton):
        from_compact(short)
