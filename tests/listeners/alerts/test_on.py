"""/emporix alerts on — a channel gets alerts, on the connection of the user who turned them on."""

from __future__ import annotations

from dataclasses import replace

import pytest
from syrupy.assertion import SnapshotAssertion

from sandbox.emporix.keys import ACME_READ_ONLY
from sandbox.slack.directory import BOT_USER_ID
from sandbox.slack.person import Person
from tests.harness.app import AppHarness
from tests.listeners.alerts.fixtures import without_ids


@pytest.fixture
def ada(connected: AppHarness) -> Person:
    """Ada in #ops, connected to acme."""
    return connected.person("ada", "ops")


async def test_is_announced_in_the_channel(ada: Person, snapshot: SnapshotAssertion) -> None:
    """The channel is informed who turned on the alert, with buttons to mute and turn it off."""
    exchange = await ada.command("/emporix alerts on")
    assert without_ids(exchange.payloads) == snapshot


async def test_accepts_filters(ada: Person) -> None:
    """Alerts accept the filters of lists; without a status, they report failures."""
    exchange = await ada.command('/emporix alerts on skipped agent:fraud-agent "no action"')
    text = exchange.payloads[0]["text"]
    assert "skipped jobs in acme, agent fraud-agent, containing “no action”" in text
    exchange = await ada.command("/emporix alerts on type:export")
    assert "failed jobs in acme, export" in exchange.payloads[0]["text"]


async def test_says_that_an_agent_does_not_exist(connected: AppHarness, ada: Person) -> None:
    """An alert for an unknown agent is on, and says so, with a button for the similar agent."""
    connected.emporix_state.add_agent("acme", id="complaint-agent", name="Complaint Agent")
    exchange = await ada.command("/emporix alerts on agent:Compliant skipped")
    assert "No agent in acme is called `Compliant`" in str(exchange.payloads[0]["blocks"])
    exchange = await ada.click("Use Complaint Agent")
    text = exchange.payloads[0]["text"]
    assert text.endswith("changed the alerts: skipped jobs in acme, agent Complaint Agent.")
    assert "No agent" not in str(exchange.payloads[0]["blocks"])
    listed = await ada.command("/emporix alerts list")
    assert "*1 alert in this channel*" in listed.payloads[0]["text"]
    assert "Complaint Agent" in str(listed.payloads[0]["blocks"])


async def test_the_similar_agent_of_an_alert_that_is_off(
    connected: AppHarness, ada: Person
) -> None:
    """An alert that was turned off stays off."""
    connected.emporix_state.add_agent("acme", id="complaint-agent", name="Complaint Agent")
    await ada.command("/emporix alerts on agent:Compliant")
    await connected.person("grace", "ops").command("/emporix alerts off")
    exchange = await ada.click("Use Complaint Agent")
    assert exchange.payloads[0]["blocks"][0]["block_id"] == "error.outdated_button"


async def test_an_unknown_agent_without_similar_names(connected: AppHarness, ada: Person) -> None:
    """An alert says that an agent does not exist, even if no agent is similar."""
    connected.emporix_state.add_agent("acme", id="complaint-agent", name="Complaint Agent")
    for typed, is_unknown in (
        ("zzz", True),
        ("complaint-agent", False),
        ("complaint_AGENT", False),
    ):
        exchange = await ada.command(f"/emporix alerts on agent:{typed} skipped")
        assert ("No agent in acme" in str(exchange.payloads[0]["blocks"])) == is_unknown


@pytest.mark.parametrize(
    "filters", ["since:today", "until:2030-01-01", "size:5", "sort:oldest", "page:2", "fields:id"]
)
async def test_refuses_filters_for_times_and_pages(ada: Person, filters: str) -> None:
    """Filters for times and pages are refused."""
    exchange = await ada.command(f"/emporix alerts on {filters}")
    assert exchange.payloads[0]["blocks"][0]["block_id"] == "error.invalid_input"
    listed = await ada.command("/emporix alerts")
    assert "has no alerts" in listed.payloads[0]["text"]


async def test_twice_is_once(ada: Person) -> None:
    """Turning on the same alert again changes nothing."""
    await ada.command("/emporix alerts on")
    exchange = await ada.command("/emporix alerts on status:failed")
    assert "already on" in exchange.payloads[0]["text"]
    listed = await ada.command("/emporix alerts list")
    assert "*1 alert in this channel*" in listed.payloads[0]["text"]


async def test_too_many_are_refused(ada: Person) -> None:
    """A channel can have ten alerts; other channels have their own limit."""
    for number in range(10):
        await ada.command(f"/emporix alerts on agent:agent-{number}")
    exchange = await ada.command("/emporix alerts on agent:one-more")
    assert exchange.payloads[0]["blocks"][0]["block_id"] == "error.invalid_input"
    assert "10 alerts" in exchange.payloads[0]["text"]
    listed = await ada.command("/emporix alerts")
    assert "*10 alerts in this channel*" in listed.payloads[0]["text"]


async def test_a_refused_query_is_reported_at_once(ada: Person) -> None:
    """A query that Emporix refuses is reported at once, and nothing is turned on."""
    exchange = await ada.command("/emporix alerts on q:this is no query")
    assert exchange.payloads[0]["blocks"][0]["block_id"] == "error.invalid_request"
    listed = await ada.command("/emporix alerts")
    assert "has no alerts" in listed.payloads[0]["text"]


async def test_needs_a_connection(connected: AppHarness) -> None:
    """A user without a connection can't turn on alerts."""
    exchange = await connected.person("grace", "ops").command("/emporix alerts on")
    assert exchange.payloads[0]["blocks"][0]["block_id"] == "error.not_connected"


async def test_joins_a_public_channel(connected: AppHarness) -> None:
    """The app joins a public channel to post there."""
    await connected.person("ada", "secret").command("/emporix alerts on")
    assert BOT_USER_ID in connected.workspace.directory.channels["C0SECRET"].members


@pytest.mark.parametrize("channel", ["board", "partners", "dm"])
async def test_refuses_where_it_may_not_post(
    connected: AppHarness, channel: str, snapshot: SnapshotAssertion
) -> None:
    """Channels where the app must not post are refused, as for sharing."""
    exchange = await connected.person("ada", channel).command("/emporix alerts on")
    assert exchange.payloads == snapshot


async def test_works_in_a_private_channel_after_an_invitation(connected: AppHarness) -> None:
    """After an invitation, alerts work in a private channel."""
    channels = connected.workspace.directory.channels
    board = channels["C0BOARD"]
    channels["C0BOARD"] = replace(board, members=board.members | {BOT_USER_ID})
    exchange = await connected.person("ada", "board").command("/emporix alerts on")
    assert "turned on alerts" in exchange.payloads[0]["text"]


async def test_a_button_of_an_alert_that_is_off_says_so(connected: AppHarness, ada: Person) -> None:
    """A button of an alert that was turned off is explained."""
    await ada.command("/emporix alerts on")
    await ada.command("/emporix disconnect")
    await ada.click("Disconnect")
    grace = connected.person("grace", "ops")
    await connected.connect(grace, ACME_READ_ONLY)
    await grace.command("/emporix alerts list")
    await ada.command("/emporix alerts off")
    exchange = await grace.click("Take over")
    assert "no such alerts" in exchange.payloads[0]["text"]


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("stuck:30m", "jobs running for more than 30 min in acme"),
        ("agent:fraud-agent stuck:2h", "jobs running for more than 2 h in acme, agent fraud-agent"),
        ("at-least:5 within:15m", "failed jobs in acme, at least 5 within 15 min"),
        ("AT_LEAST:3 skipped", "skipped jobs in acme, at least 3 within 10 min"),
        ("silent:2h", "no jobs in acme for 2 h"),
        ("silent:1d status:ok", "no succeeded jobs in acme for 1 d"),
        ("silent:90m between:8:30-17:00", "1 h 30 min between 08:30 and 17:00, Europe/Berlin"),
        ("silent:2h between:22-6", "for 2 h between 22:00 and 06:00, Europe/Berlin"),
        ("stuck: 30 m", "jobs running for more than 30 min in acme"),
        ("silent:2 h between:08 - 20", "no jobs in acme for 2 h between 08:00 and 20:00"),
        ("stuck = 30m", "jobs running for more than 30 min in acme"),
        ("skipped at-least : 3 within=5m", "skipped jobs in acme, at least 3 within 5 min"),
        ("--silent 2h —between 08-20", "no jobs in acme for 2 h between 08:00 and 20:00"),
    ],
)
async def test_accepts_conditions(ada: Person, typed: str, words: str) -> None:
    """A condition can be typed before or after filters, and the announcement and list name it."""
    exchange = await ada.command(f"/emporix alerts on {typed}")
    assert words in exchange.payloads[0]["text"]
    listed = await ada.command("/emporix alerts list")
    assert words in str(listed.payloads)
    again = await ada.command(f"/emporix alerts on {typed}")
    assert "already on" in again.payloads[0]["text"]


@pytest.mark.parametrize(
    ("typed", "problem"),
    [
        ("stuck:", "stuck: needs a duration"),
        ("stuck:soon", "stuck: needs a duration"),
        ("stuck:30s", "stuck: needs a duration"),
        ("stuck:8d", "stuck: can't have this duration"),
        ("stuck:30m failed", "stuck: reports running jobs"),
        ("stuck:30m stuck:40m", "stuck: is there twice"),
        ("stuck:30m silent:2h", "An alert can't have both stuck: and silent:"),
        ("stuck:30m q:type:EXPORT", "A condition can't be combined with q:"),
        ("within:10m", "within: needs at-least:"),
        ("at-least:1", "at-least: needs a number of failures"),
        ("at-least:999", "at-least: needs a number of failures"),
        ("at-least:five", "at-least: needs a number of failures"),
        ("between:08-20", "between: needs silent:"),
        ("silent:10m", "silent: can't have this duration"),
        ("silent:2h status:running", "silent: can't count running jobs"),
        ("silent:2h between:8", "between: needs hours"),
        ("silent:2h between:08-25", "between: can't have these hours"),
        ("silent:2h between:08-08", "between: can't have these hours"),
        ("silent:2h between:08-09", "The hours after between: are shorter than the silence"),
    ],
)
async def test_explains_invalid_conditions(ada: Person, typed: str, problem: str) -> None:
    """An invalid condition is not turned on; the answer says what is wrong and what to type."""
    exchange = await ada.command(f"/emporix alerts on {typed}")
    assert problem in str(exchange.payloads)
    listed = await ada.command("/emporix alerts list")
    assert "This channel has no alerts" in listed.payloads[0]["text"]


@pytest.mark.parametrize(
    ("typed", "corrected"),
    [
        ("stuk:30m", "stuck:30m"),
        ("failed atleast:5 within:10m", "failed at-least:5 within:10m"),
        ("silence:2h", "silent:2h"),
        ("stuck:30m agnet:x", "stuck:30m agent:x"),
        ("status:faild at-least:5 within:10m", "at-least:5 within:10m status:failed"),
        ("silent : 2h status:skiped", "silent : 2h status:skipped"),
        ("silent:2h tenant:acmee", "silent:2h tenant:acme"),
    ],
)
async def test_corrections_keep_the_condition(ada: Person, typed: str, corrected: str) -> None:
    """A mistake in a condition or a filter is corrected by a button, with the rest as it was."""
    exchange = await ada.command(f"/emporix alerts on {typed}")
    assert f"Run /emporix alerts on {corrected}" in str(exchange.payloads)
