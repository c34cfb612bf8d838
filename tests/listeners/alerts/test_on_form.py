"""New alert… — a form that turns on the same alerts as /emporix alerts on."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.accounts import Caller
from bot.domain.alerts import Alert
from bot.domain.conditions import Condition
from bot.listeners.alerts.on import CONDITION_FIELDS, EMPTY_FORM, AlertRefused, typed_alert
from bot.services.alerts.condition_text import parse_condition
from bot.store.alerts import AlertStore
from bot.store.audit import AuditLog
from sandbox.slack.directory import TEAM_ID
from sandbox.slack.faults import Fault
from sandbox.slack.person import Exchange, Person
from tests.harness.app import AppHarness
from tests.rendering.hostile import hostile_text

TOO_LONG = {"Report": "Jobs that run too long"}
MANY = {"Report": "Many failures in a short time"}
NO_JOBS = {"Report": "No jobs"}
SAME_ALERTS = [
    ({}, ""),
    (
        {"Filters": 'skipped agent:"fraud-agent" "no action"'},
        'skipped agent:fraud-agent "no action"',
    ),
    ({"Filters": "stuck:30m"}, "stuck:30m"),
    ({"Filters": "q:type:EXPORT"}, "q:type:EXPORT"),
    (TOO_LONG | {"Duration": "30m"}, "stuck:30m"),
    (TOO_LONG | {"Duration": "2h", "Filters": "type:import"}, "type:import stuck:2h"),
    (MANY | {"Number of failures": "5"}, "at-least:5"),
    (MANY | {"Number of failures": "3", "Within": "1h"}, "at-least:3 within:1h"),
    (NO_JOBS | {"Duration": "2h"}, "silent:2h"),
    (NO_JOBS | {"Duration": "90m", "Between": "8:30 – 17:00"}, "silent:90m between:8:30-17:00"),
]


@pytest.fixture
def ada(connected: AppHarness) -> Person:
    """Ada in #ops, connected to acme."""
    return connected.person("ada", "ops")


async def stored(harness: AppHarness) -> tuple[Alert, ...]:
    found = await AlertStore(harness.redis, harness.cipher).of_channel(TEAM_ID, "C0OPS")
    return tuple(found)


async def fill_in(person: Person, values: dict[str, str]) -> Exchange:
    await person.command("/emporix alerts")
    await person.click("New alert…")
    return await person.submit(values)


@pytest.mark.parametrize(("values", "typed"), SAME_ALERTS)
async def test_the_form_turns_on_the_alert_of_the_command(
    connected: AppHarness, ada: Person, values: dict[str, str], typed: str
) -> None:
    """The form turns on the alert of the typed text, announces it, and records it once."""
    shown = await fill_in(ada, values)
    assert shown.field_errors == {}
    (alert,) = await stored(connected)
    announced = shown.messages[-1]["text"]
    assert announced.startswith("🔔 <@U0ADA> turned on alerts: ")
    assert shown.view is not None
    words = announced.partition("alerts: ")[2].rstrip(".")
    assert words in shown.view["blocks"][0]["text"]["text"]
    again = await ada.command(f"/emporix alerts on {typed}")
    assert "already on" in again.payloads[0]["text"]
    assert await stored(connected) == (alert,)
    (entry,) = [
        one
        for one in await AuditLog(connected.redis).latest(Caller(TEAM_ID, "U0ADA"), 5)
        if one.event == "alert.on"
    ]
    assert (entry.channel_id, entry.tenant, entry.result) == ("C0OPS", "acme", "done")


@pytest.mark.parametrize(
    ("values", "field", "problem"),
    [
        (TOO_LONG, "duration", "stuck: needs a duration"),
        (TOO_LONG | {"Duration": "soon"}, "duration", "stuck: needs a duration: soon"),
        (TOO_LONG | {"Duration": "8d"}, "duration", "at most 7d"),
        (TOO_LONG | {"Duration": '30m" failed'}, "duration", "stuck: needs a duration"),
        (TOO_LONG | {"Duration": "30m,2h"}, "duration", "stuck: needs a duration"),
        (TOO_LONG | {"Duration": "30m", "Number of failures": "5"}, "failures", "doesn't use it"),
        (TOO_LONG | {"Duration": "30m", "Filters": "failed"}, "filters", "reports running jobs"),
        (TOO_LONG | {"Duration": "30m", "Filters": "stuck:2h"}, "filters", "is there twice"),
        (TOO_LONG | {"Duration": "30m", "Filters": "q:type:EXPORT"}, "filters", "with q:"),
        (MANY, "failures", "at-least: needs a number of failures"),
        (MANY | {"Number of failures": "1"}, "failures", "at-least: needs a number of failures: 1"),
        (MANY | {"Number of failures": "5", "Within": "now"}, "window", "within: can't have this"),
        (MANY | {"Number of failures": "5", "Duration": "2h"}, "duration", "doesn't use it"),
        (NO_JOBS, "duration", "silent: needs a duration"),
        (NO_JOBS | {"Duration": "10m"}, "duration", "silent: can't have this duration"),
        (NO_JOBS | {"Duration": "2h", "Between": "8"}, "hours", "between: needs hours"),
        (NO_JOBS | {"Duration": "2h", "Between": "08-09"}, "hours", "shorter than the silence"),
        (NO_JOBS | {"Duration": "2h", "Within": "10m"}, "window", "doesn't use it"),
        ({"Duration": "30m"}, "duration", "doesn't use it"),
        ({"Between": "08-20"}, "hours", "doesn't use it"),
        ({"Filters": "since:today"}, "filters", "Alerts report each job when it happens"),
        ({"Filters": "tenant:other"}, "filters", "not connected to that tenant"),
        ({"Filters": "q:this is no query"}, "filters", "Emporix doesn't accept these filters"),
    ],
)
async def test_problems_are_under_their_fields(
    connected: AppHarness, ada: Person, values: dict[str, str], field: str, problem: str
) -> None:
    """A wrong value is reported under its field, and nothing is turned on."""
    refused = await fill_in(ada, values)
    assert list(refused.field_errors) == [field]
    assert problem in refused.field_errors[field]
    assert await stored(connected) == ()
    entry, *_ = await AuditLog(connected.redis).latest(Caller(TEAM_ID, "U0ADA"), 1)
    assert (entry.event, entry.result, entry.channel_id) == ("alert.on", "refused", "C0OPS")


async def test_a_slow_refusal_shows_the_form_again(connected: AppHarness, ada: Person) -> None:
    """After the ack, a problem is shown above the form, which keeps its values."""
    await ada.command("/emporix alerts")
    await ada.click("New alert…")
    connected.workspace.faults.add(Fault("delay", method="conversations.info", seconds=2.5))
    shown = await ada.submit(TOO_LONG | {"Duration": "30m", "Filters": "failed"})
    assert shown.view is not None
    assert "stuck: reports running jobs" in str(shown.view["blocks"][0])
    values = shown.view["state"]["values"]
    assert values["duration"]["value"]["value"] == "30m"
    assert values["report"]["value"]["selected_option"]["value"] == "stuck"
    await ada.submit({"Filters": ""})
    (alert,) = await stored(connected)
    assert alert.condition == Condition(stuck=30 * 60)


@pytest.mark.parametrize("channel", ["board", "partners", "dm"])
async def test_is_not_offered_where_the_app_may_not_post(
    connected: AppHarness, channel: str
) -> None:
    """Where alerts are refused, the button opens the reason of the command instead of the form."""
    person = connected.person("ada", channel)
    await person.command("/emporix alerts")
    opened = await person.click("New alert…")
    assert opened.view is not None
    assert opened.view["blocks"][0]["block_id"] == "error.share_refused"
    assert all(block["type"] != "input" for block in opened.view["blocks"])


async def test_needs_a_connection(connected: AppHarness) -> None:
    """A user without a connection gets the way to connect instead of the form."""
    grace = connected.person("grace", "ops")
    await grace.command("/emporix alerts")
    opened = await grace.click("New alert…")
    assert opened.view is not None
    assert opened.view["blocks"][0]["block_id"] == "error.not_connected"


async def test_too_many_are_refused(connected: AppHarness, ada: Person) -> None:
    """The form has the limit of the command, ten alerts per channel."""
    for number in range(10):
        await ada.command(f"/emporix alerts on agent:agent-{number}")
    refused = await fill_in(ada, {"Filters": "agent:one-more"})
    assert "10 alerts" in refused.field_errors["filters"]
    assert len(await stored(connected)) == 10


async def test_a_second_alert_that_is_the_same(connected: AppHarness, ada: Person) -> None:
    """Turning on the same alert again changes nothing, and the channel reads that it is on."""
    await ada.command("/emporix alerts on at-least:5 within:10m")
    before = await stored(connected)
    shown = await fill_in(ada, MANY | {"Number of failures": "5"})
    assert "already on" in shown.messages[-1]["text"]
    assert [one.id for one in await stored(connected)] == [one.id for one in before]


async def test_only_members_can_turn_it_on(connected: AppHarness, ada: Person) -> None:
    """A user who has left the channel while the form was open turns on nothing."""
    await ada.command("/emporix alerts")
    await ada.click("New alert…")
    connected.workspace.directory.remove("C0OPS", "U0ADA")
    refused = await connected.person("ada", "general").submit({})
    assert "not a member of that channel" in str(refused.payloads[-1])
    assert await stored(connected) == ()


@pytest.mark.parametrize(
    "text", ["<!channel> <@U0GRACE>", '*x* `y` "<https://a.example|b>', "{{ 1 }}"]
)
async def test_hostile_filters_stay_text(connected: AppHarness, ada: Person, text: str) -> None:
    """Search words from the form mention nobody and make no link in the channel."""
    shown = await fill_in(ada, {"Filters": text})
    announced = str([message for message in shown.messages if "turned on" in message["text"]])
    assert "<!channel>" not in announced
    assert "<@U0GRACE>" not in announced
    assert "<https://a.example" not in announced
    assert len(await stored(connected)) == 1


VALID = {
    "each": {},
    "stuck": {"duration": "30m"},
    "burst": {"failures": "5", "window": "1h"},
    "silent": {"duration": "2h", "hours": "08-20"},
}


def check_stays_in_its_field(text: str, report: str, field: str) -> None:
    values = EMPTY_FORM | {"report": report} | VALID[report] | {field: text}
    problems: list[str] = []
    try:
        condition, _, rest = parse_condition(typed_alert(values))
    except AlertRefused as refused:
        problems = list(refused.problems)
    else:
        assert (condition.kind, rest) == ("" if report == "each" else report, "")
    assert problems in ([], [field])


@given(hostile_text, st.sampled_from(sorted(VALID)), st.sampled_from(CONDITION_FIELDS))
def test_a_hostile_value_is_a_value(text: str, report: str, field: str) -> None:
    """A hostile text in a condition's field is the value of that condition or an error there."""
    check_stays_in_its_field(text, report, field)


@pytest.mark.parametrize("end", [" ", '" ', ", ", "' ", "\n", '"" ', "` "])
@pytest.mark.parametrize("more", ["failed", "agent:x", "stuck:2h", "q:type:EXPORT", '"x'])
def test_a_value_cannot_leave_its_field(end: str, more: str) -> None:
    """A filter after the value in a condition's field is part of the value, never a filter."""
    for report, fields in VALID.items():
        for field, value in fields.items():
            check_stays_in_its_field(f"{value}{end}{more}", report, field)
