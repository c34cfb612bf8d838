"""Notify… — a form for whom an alert mentions, with errors under its fields."""

from __future__ import annotations

from dataclasses import replace

import pytest
from syrupy.assertion import SnapshotAssertion

from bot.domain.accounts import Caller
from bot.domain.alerts import Alert, MentionRule
from bot.domain.digests import QuietHours
from bot.store.alerts import AlertStore
from bot.store.audit import AuditLog
from sandbox.slack.directory import TEAM_ID
from sandbox.slack.faults import Fault
from sandbox.slack.person import Person
from tests.harness.app import AppHarness
from tests.listeners.alerts.fixtures import without_ids

FIELDS = {"Person": "@grace", "User group": "@ops-team (Operations)"}


@pytest.fixture
async def ada(connected: AppHarness) -> Person:
    """Ada in #ops, where she has turned on an alert."""
    connected.emporix_state.add_agent("acme", id="fraud-agent", name="Fraud Check")
    ada = connected.person("ada", "ops")
    await ada.command("/emporix alerts on")
    return ada


async def stored(harness: AppHarness) -> Alert:
    (alert,) = await AlertStore(harness.redis, harness.cipher).of_channel(TEAM_ID, "C0OPS")
    return alert


async def open_form(person: Person) -> None:
    await person.command("/emporix alerts list")
    await person.click("Notify…")


async def test_shows_the_current_settings(ada: Person, snapshot: SnapshotAssertion) -> None:
    """The form proposes the user's time zone; after saving, it and the list show the settings."""
    await ada.command("/emporix alerts list")
    opened = await ada.click("Notify…")
    assert without_ids([opened.view or {}])[0]["blocks"] == snapshot(name="at first")
    saved = await ada.submit(
        FIELDS | {"remind": "30", "Quiet from": "22:00", "Quiet until": "07:00"}
    )
    assert saved.view is not None
    words = saved.view["blocks"][0]["text"]["text"]
    shown = (
        "All failures: <@U0GRACE> and <!subteam^S0OPS> · again after 30 minutes"
        " · quiet from 22:00 to 07:00, Europe/Berlin"
    )
    assert words.endswith(shown)
    listed = await ada.command("/emporix alerts list")
    assert shown in str(listed.payloads[0]["blocks"])
    again = await ada.click("Notify…")
    assert again.view is not None
    values = again.view["state"]["values"]
    assert values["person"]["value"]["selected_user"] == "U0GRACE"
    assert values["group"]["alerts.notify.group"]["selected_option"]["value"] == "S0OPS"
    assert values["end"]["value"]["selected_time"] == "07:00"


async def test_each_agent_has_its_own_people(connected: AppHarness, ada: Person) -> None:
    """Choosing an agent shows its own people, and saving changes only these."""
    await open_form(ada)
    await ada.submit(FIELDS)
    await open_form(ada)
    chosen = await ada.choose("Failures of", "fraud-agent")
    assert chosen.view is not None
    (person,) = [name for name in chosen.view["state"]["values"] if name.startswith("person")]
    assert chosen.view["state"]["values"][person]["value"]["selected_user"] is None
    await ada.submit({"Person": "@ada"})
    assert (await stored(connected)).mentions.rules == (
        MentionRule("", "", "U0GRACE", "S0OPS"),
        MentionRule("fraud-agent", "Fraud Check", "U0ADA", ""),
    )
    await open_form(ada)
    await ada.submit({"Person": "", "User group": ""})
    (rule,) = (await stored(connected)).mentions.rules
    assert rule.agent_id == "fraud-agent"


async def test_an_agent_of_another_tenant_can_be_typed(connected: AppHarness, ada: Person) -> None:
    """A user without a connection to the alert's tenant types the agent's id."""
    grace = connected.person("grace", "ops")
    await open_form(grace)
    offered = await grace.suggest("Failures of", "fraud-agent")
    (option,) = offered.payloads[0]["options"]
    assert option["value"] == "fraud-agent"
    await grace.choose("Failures of", "fraud-agent")
    await grace.submit({"Person": "@grace"})
    assert (await stored(connected)).mentions.rules == (MentionRule("fraud-agent", "", "U0GRACE"),)


async def test_finds_user_groups_by_handle_and_name(connected: AppHarness, ada: Person) -> None:
    """The select offers the user groups whose handle or name contains the typed text."""
    await open_form(ada)
    offered = await ada.suggest("User group", "OPERA")
    assert [option["text"]["text"] for option in offered.payloads[0]["options"]] == [
        "@ops-team (Operations)"
    ]
    everything = await ada.suggest("User group", "")
    assert len(everything.payloads[0]["options"]) == 2


async def test_without_the_scope_people_only(connected: AppHarness, ada: Person) -> None:
    """Without the optional scope, the form says so, and a saved user group stays."""
    await open_form(ada)
    await ada.submit(FIELDS)
    connected.workspace.bot_scopes -= {"usergroups:read"}
    connected.clock.forward(120)
    await ada.command("/emporix alerts list")
    opened = await ada.click("Notify…")
    assert opened.view is not None
    assert "group" not in opened.view["state"]["values"]
    assert "`usergroups:read`" in str(opened.view["blocks"])
    await ada.submit({"Person": "@ada"})
    assert (await stored(connected)).mentions.rules == (MentionRule("", "", "U0ADA", "S0OPS"),)


async def test_a_failure_of_slack_leaves_people(connected: AppHarness, ada: Person) -> None:
    """If Slack doesn't return the user groups, people can still be chosen."""
    connected.workspace.faults.add(
        Fault("refuse", method="usergroups.list", error="internal_error", times=9)
    )
    await ada.command("/emporix alerts list")
    opened = await ada.click("Notify…")
    assert opened.view is not None
    assert "Slack doesn't return the user groups right now" in str(opened.view["blocks"])
    await ada.submit({"Person": "@ada"})
    assert (await stored(connected)).mentions.rules == (MentionRule("", "", "U0ADA", ""),)


async def test_a_plan_without_user_groups(connected: AppHarness, ada: Person) -> None:
    """On a Slack plan without user groups, the form says so, and asks Slack once a minute."""
    connected.workspace.faults.add(
        Fault("refuse", method="usergroups.list", error="plan_upgrade_required", times=1)
    )
    for _ in range(2):
        await ada.command("/emporix alerts list")
        opened = await ada.click("Notify…")
        assert opened.view is not None
        assert "Slack plan has no user groups" in str(opened.view["blocks"])


async def test_a_disabled_user_group(connected: AppHarness, ada: Person) -> None:
    """If the saved user group was disabled, the form says so, and saving removes it."""
    await open_form(ada)
    await ada.submit(FIELDS)
    groups = connected.workspace.directory.user_groups
    groups["S0OPS"] = replace(groups["S0OPS"], is_disabled=True)
    connected.clock.forward(120)
    await ada.command("/emporix alerts list")
    opened = await ada.click("Notify…")
    assert opened.view is not None
    assert "The saved user group <!subteam^S0OPS> was disabled" in str(opened.view["blocks"])
    await ada.submit({"Person": "@grace"})
    assert (await stored(connected)).mentions.rules == (MentionRule("", "", "U0GRACE", ""),)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"Quiet from": "22:00"}, "end"),
        ({"Quiet until": "22:00"}, "begin"),
        ({"Quiet from": "22:00", "Quiet until": "22:00"}, "end"),
        ({"Quiet from": "22:00", "Quiet until": "07:00", "zone": "Nowhere"}, "zone"),
    ],
)
async def test_problems_are_under_their_fields(
    connected: AppHarness, ada: Person, values: dict[str, str], field: str
) -> None:
    """Invalid quiet hours are reported under their field, and nothing is saved."""
    await open_form(ada)
    refused = await ada.submit(FIELDS | values)
    assert list(refused.payloads[-1]["errors"]) == [field]
    assert (await stored(connected)).mentions.rules == ()


async def test_a_person_must_be_in_the_channel(connected: AppHarness, ada: Person) -> None:
    """Only members of the channel can be mentioned, because Slack notifies no one else."""
    connected.workspace.directory.remove("C0OPS", "U0GRACE")
    await open_form(ada)
    refused = await ada.submit(FIELDS)
    assert "isn't in this channel" in refused.payloads[-1]["errors"]["person"]
    slow = Fault("delay", method="conversations.members", seconds=2.5)
    connected.workspace.faults.add(slow)
    shown = await ada.submit(FIELDS)
    assert shown.view is not None
    assert "isn't in this channel" in str(shown.view["blocks"][0])
    assert (await stored(connected)).mentions.rules == ()


async def test_only_members_can_change_it(connected: AppHarness, ada: Person) -> None:
    """A user who has left the channel while the form was open changes nothing."""
    grace = connected.person("grace", "ops")
    await open_form(grace)
    connected.workspace.directory.remove("C0OPS", "U0GRACE")
    refused = await connected.person("grace", "general").submit({"Person": "@ada"})
    assert "not a member of that channel" in str(refused.payloads[-1])
    assert (await stored(connected)).mentions.rules == ()


async def test_an_alert_that_is_off(connected: AppHarness, ada: Person) -> None:
    """If the alert was turned off in the meantime, the form says so."""
    await open_form(ada)
    await connected.person("grace", "ops").command("/emporix alerts off")
    refused = await ada.submit(FIELDS)
    assert "outdated" in str(refused.payloads[-1]).lower()


async def test_is_audited_and_the_owner_is_notified(connected: AppHarness, ada: Person) -> None:
    """A change is recorded with the changed settings, and the owner gets a direct message."""
    grace = connected.person("grace", "ops")
    await open_form(grace)
    await grace.submit({"Person": "@ada", "Quiet from": "22:00", "Quiet until": "07:00"})
    entry, *_ = await AuditLog(connected.redis).latest(Caller(TEAM_ID, "U0ADA"), 1)
    assert (entry.event, entry.user_id, entry.owner_id) == ("alert.mentions", "U0GRACE", "U0ADA")
    assert (entry.detail, entry.channel_id, entry.count) == ("mentions, quiet hours", "C0OPS", 1)
    (told,) = await connected.person("ada", "dm").messages()
    assert "<@U0GRACE> changed whom to mention in 1 of your alerts" in told["text"]
    quiet = (await stored(connected)).mentions.quiet
    assert quiet == QuietHours(22 * 60, 7 * 60, "America/New_York")
