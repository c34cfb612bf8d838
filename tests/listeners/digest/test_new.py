"""/emporix digest new — a form with useful defaults and errors under the fields."""

from __future__ import annotations

from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from bot.domain.digests import Schedule
from bot.domain.filters import Filters
from sandbox.emporix.keys import ACME_OPERATIONS, GLOBEX_READ_ONLY
from sandbox.slack.directory import BOT_USER_ID
from sandbox.slack.faults import Fault
from sandbox.slack.person import Person
from tests.harness.app import AppHarness, open_app
from tests.harness.clock import FakeClock
from tests.listeners.digest.fixtures import announced, set_up, stored


async def test_proposes_defaults(ada: Person, snapshot: SnapshotAssertion) -> None:
    """The defaults are this channel, 9:00 every day in the user's time zone, and the default
    tenant.
    """
    exchange = await ada.command("/emporix digest")
    assert exchange.view == snapshot


async def test_asks_for_the_tenant_only_if_there_are_several(
    connected: AppHarness, ada: Person
) -> None:
    """The form has the field Tenant for users of several tenants, also after Slack was slow."""
    exchange = await ada.command("/emporix digest")
    assert exchange.view is not None
    assert "tenant" not in exchange.view["state"]["values"]
    await connected.connect(ada, GLOBEX_READ_ONLY)
    connected.workspace.faults.add(Fault("delay", method="conversations.info", seconds=2.2))
    exchange = await set_up(ada, tenant="globex", channel="board")
    assert exchange.view is not None
    tenant = exchange.view["state"]["values"]["tenant"]["value"]["selected_option"]["value"]
    assert tenant == "globex"
    await ada.submit({"tenant": "acme", "channel": "ops"})
    assert (await stored(connected)).tenant == "acme"


async def test_proposes_the_typed_name(ada: Person) -> None:
    """A name after the command is the default name."""
    exchange = await ada.command("/emporix digest new Morning  jobs")
    assert exchange.view is not None
    assert exchange.view["state"]["values"]["name"]["value"]["value"] == "Morning jobs"


@pytest.mark.parametrize(
    ("typed", "name", "time", "days"),
    [
        ("on", "Daily jobs", "09:00", "every"),
        ("start here", "Daily jobs", "09:00", "every"),
        ("daily 09:00", "Daily jobs", "09:00", "every"),
        ("every day at 9", "Daily jobs", "09:00", "every"),
        ("new weekdays 8:30", "Daily jobs", "08:30", "weekdays"),
        ("7:15pm mon-fri", "Daily jobs", "19:15", "weekdays"),
        ("every monday 8.30", "Daily jobs", "08:30", "custom"),
        ("monday, wed and fridays at 12am", "Daily jobs", "00:00", "custom"),
        ("Failures weekdays 8:30", "Failures", "08:30", "weekdays"),
        ("Failures at 7", "Failures", "07:00", "every"),
        # A name stays a name.
        ("Team 9", "Team 9", "09:00", "every"),
        ("Sunday report", "Sunday report", "09:00", "every"),
        ("“Daily 9:00”", "Daily 9:00", "09:00", "every"),
        ("Switch on", "Switch on", "09:00", "every"),
    ],
)
async def test_understands_when_to_post(
    ada: Person, typed: str, name: str, time: str, days: str
) -> None:
    """Times and days after the command fill in the form, and never become the digest's name."""
    exchange = await ada.command(f"/emporix digest {typed}")
    assert exchange.view is not None
    values = exchange.view["state"]["values"]
    assert values["name"]["value"]["value"] == name
    (at,) = values["time"].values()
    assert at["selected_time"] == time
    (choice,) = values["days"].values()
    assert choice["selected_option"]["value"] == days


async def test_chosen_days_are_saved(connected: AppHarness, ada: Person) -> None:
    """Days that were typed are saved with the form."""
    await ada.command("/emporix digest Failures every tuesday and sunday at 18:45")
    await ada.submit({})
    assert (await stored(connected)).schedule == Schedule(1125, "Europe/Berlin", (1, 6))


async def test_an_impossible_time_is_refused(ada: Person) -> None:
    """A time that does not exist is refused in the modal."""
    exchange = await ada.command("/emporix digest daily 25:00")
    assert exchange.view is not None
    assert "That isn't a time" in exchange.view["blocks"][0]["text"]["text"]


@pytest.mark.parametrize("typed", ["digests", "digest off", "digest stop"])
async def test_turning_off_shows_the_list(ada: Person, typed: str) -> None:
    """A digest is turned off with the buttons of the list, not created with the name "off"."""
    await set_up(ada)
    exchange = await ada.command(f"/emporix {typed}")
    assert exchange.payloads[0]["text"] == "*1 digest in this channel*"


async def test_says_that_an_agent_does_not_exist(connected: AppHarness, ada: Person) -> None:
    """A digest for an unknown agent is saved, and says so, with a button to change it."""
    connected.emporix_state.add_agent("acme", id="complaint-agent", name="Complaint Agent")
    exchange = await set_up(ada, filters="agent:Compliant")
    assert "No agent in acme is called `Compliant`" in str(exchange.view)
    exchange = await ada.click("Change digest")
    exchange = await ada.submit({"filters": "agent:complaint_agent"})
    assert exchange.view is not None
    assert "No agent" not in str(exchange.view)
    assert (await stored(connected)).filters.agents == ("complaint-agent",)


async def test_a_long_name_is_refused(ada: Person) -> None:
    """A name that is too long is refused with the limit, not cut."""
    exchange = await ada.command(f"/emporix digest new {'x' * 200}")
    assert exchange.view is not None
    words = exchange.view["blocks"][0]["text"]["text"]
    assert "The name is too long" in words
    assert "at most 60 characters; this one has 200" in words


async def test_can_be_saved_unchanged(
    connected: AppHarness, ada: Person, snapshot: SnapshotAssertion
) -> None:
    """The form can be saved at once, and the answer names the first post."""
    exchange = await set_up(ada)
    assert exchange.view == snapshot
    digest = await stored(connected)
    assert digest.schedule == Schedule(540, "Europe/Berlin", (0, 1, 2, 3, 4, 5, 6))
    assert (digest.channel_id, digest.tenant, digest.owner.user_id) == ("C0OPS", "acme", "U0ADA")
    assert digest.scheduled_run is not None
    assert digest.scheduled_run.date == "2026-11-24"


async def test_saves_each_field(connected: AppHarness, ada: Person) -> None:
    """Each field is saved, with the filters of the commands."""
    await set_up(
        ada,
        channel="general",
        name="Failures",
        time="17:30",
        zone="new york",
        custom_days=["Monday", "Friday"],
        filters="failed agent:bot-1 “late refund”",
        quiet="quiet",
    )
    digest = await stored(connected)
    assert digest.schedule == Schedule(1050, "America/New_York", (0, 4))
    assert (digest.channel_id, digest.name) == ("C0GENERAL", "Failures")
    assert digest.post_when_empty
    assert digest.filters == Filters(
        statuses=("failure",),
        agents=("bot-1",),
        agent_names=("bot-1",),
        words=("late refund",),
        tenant="acme",
    )


@pytest.mark.parametrize(
    ("choice", "days"), [("Every day", (0, 1, 2, 3, 4, 5, 6)), ("Weekdays", (0, 1, 2, 3, 4))]
)
async def test_offers_common_days_as_one_choice(
    connected: AppHarness, ada: Person, choice: str, days: tuple[int, ...]
) -> None:
    """Every day and weekdays need one choice, and the form does not show single days."""
    exchange = await set_up(ada, days=choice)
    assert exchange.field_errors == {}
    assert (await stored(connected)).schedule.days == days


async def test_choosing_custom_keeps_the_other_fields(ada: Person) -> None:
    """Custom adds a field for the days, Weekdays removes it; other fields keep their values."""
    await ada.command("/emporix digest")
    await ada.choose("Filters", "failed refund")
    custom = (await ada.click("Custom")).view
    assert custom is not None
    assert custom["state"]["values"]["filters"]["value"]["value"] == "failed refund"
    assert custom["state"]["values"]["custom_days"]["value"]["selected_options"] == []
    weekdays = (await ada.click("Weekdays")).view
    assert weekdays is not None
    assert "custom_days" not in weekdays["state"]["values"]
    assert weekdays["state"]["values"]["filters"]["value"]["value"] == "failed refund"


async def test_is_announced_once(
    connected: AppHarness, ada: Person, snapshot: SnapshotAssertion
) -> None:
    """One message tells the channel who set up the digest and when it is first posted."""
    await set_up(ada)
    assert await announced(connected) == snapshot
    await set_up(ada)  # refused: the name is taken
    assert len(await announced(connected)) == 1


async def test_a_channel_that_cannot_hear_of_it_changes_nothing(
    connected: AppHarness, ada: Person, caplog: pytest.LogCaptureFixture
) -> None:
    """If Slack refuses the announcement, the digest is saved all the same, and the log says so."""
    fault = Fault("refuse", method="chat.postMessage", error="restricted_action")
    connected.workspace.faults.add(fault)
    exchange = await set_up(ada)
    assert exchange.view is not None
    assert "is posted to" in str(exchange.view["blocks"])
    assert await announced(connected) == []
    assert "a channel was not notified of a new digest" in caplog.text


@pytest.mark.parametrize(
    ("fields", "name", "words"),
    [
        ({"zone": "Europe/Berln"}, "zone", "Europe/Berlin"),
        ({"zone": "Middle Earth"}, "zone", "Unknown time zone"),
        ({"filters": "since:yesterday"}, "filters", "Leave out since: and until:"),
        ({"filters": "q:status:FAILURE"}, "filters", "can't use q:"),
        ({"filters": "size:5"}, "filters", "has no pages"),
        ({"filters": "tenant:globex"}, "filters", "This digest can only use tenant acme"),
        ({"filters": "stauts:failed"}, "filters", "Did you mean status:?"),
        ({"channel": "board"}, "channel", "/invite @Emporix Jobs"),
        ({"channel": "partners"}, "channel", "other organizations read that channel"),
    ],
)
async def test_shows_each_error_under_its_field(
    ada: Person, fields: dict[str, Any], name: str, words: str
) -> None:
    """Each error appears under its field with the next step, and nothing is saved."""
    exchange = await set_up(ada, **fields)
    assert exchange.field_errors.keys() == {name}
    assert words in exchange.field_errors[name]


async def test_joins_a_public_channel(connected: AppHarness, ada: Person) -> None:
    """A public channel is joined without an invitation."""
    await set_up(ada, channel="secret")
    assert BOT_USER_ID in connected.workspace.directory.channel("secret").members
    assert (await stored(connected)).channel_id == "C0SECRET"


async def test_joins_only_channels_of_members(connected: AppHarness, ada: Person) -> None:
    """Users can't add the app to a public channel without being a member."""
    await set_up(ada, channel="secret")
    for member in (BOT_USER_ID, "U0ADA"):
        connected.workspace.directory.remove("C0SECRET", member)
    await ada.command("/emporix digest list")
    await ada.click("Change")
    refused = await ada.submit({"name": "Still there"})
    assert "not a member of that channel" in refused.field_errors["channel"]
    assert BOT_USER_ID not in connected.workspace.directory.channels["C0SECRET"].members


async def test_a_channel_has_each_name_once(ada: Person, digest: str) -> None:
    """Names are unique within a channel."""
    exchange = await set_up(ada, name="daily JOBS")
    assert "a digest with that name" in exchange.field_errors["name"]
    assert (await set_up(ada, name="Another")).field_errors == {}


async def test_errors_after_the_ack_are_shown_in_the_form(
    connected: AppHarness, ada: Person, snapshot: SnapshotAssertion
) -> None:
    """After the ack, errors appear above the form."""
    connected.workspace.faults.add(Fault("delay", method="conversations.info", seconds=2.2))
    exchange = await set_up(ada, channel="board")
    assert exchange.view == snapshot


async def test_needs_a_connection(harness: AppHarness, snapshot: SnapshotAssertion) -> None:
    """A user without a connection gets a button to connect instead of the form."""
    exchange = await harness.grace.command("/emporix digest")
    assert exchange.view == snapshot


async def test_opens_from_a_button(ada: Person) -> None:
    """The button in an empty list opens the form."""
    await ada.command("/emporix digest list")
    exchange = await ada.click("Set up a digest")
    assert exchange.view is not None
    state = exchange.view["state"]["values"]
    assert state["channel"]["value"]["selected_conversation"] == "C0OPS"


@pytest.mark.parametrize("allowed", [True, False])
async def test_the_operator_decides_about_shared_channels(
    redis: Any, redis_url: str, clock: FakeClock, allowed: bool
) -> None:
    """Channels of several organizations need ALLOW_SHARED_CHANNELS."""
    async with open_app(redis, redis_url, clock, allow_shared_channels=allowed) as harness:
        await harness.connect(harness.ada, ACME_OPERATIONS)
        exchange = await set_up(harness.ada, channel="partners")
    assert list(exchange.field_errors) == ([] if allowed else ["channel"])
