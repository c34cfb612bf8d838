"""Mentions of alerts: once for a new kind of failure, never for repeats, and only from settings."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bot.domain.accounts import PolledConnection
from bot.domain.alerts import Alert, ChangeBatch, MentionRule, MentionSettings
from bot.domain.conditions import JobChange
from bot.domain.digests import QuietHours
from bot.domain.responses import AlertResponses
from bot.services.alerts.mentions import mentions_of
from bot.store.alerts import AlertStore
from sandbox.emporix.faults import Fault as EmporixFault
from sandbox.slack.faults import Fault
from tests.harness.app import AppHarness
from tests.store.fixtures import ADA
from tests.tasks.test_alerts import MINUTE, NOT_FOUND, TIMED_OUT, fail, later

PERSON = MentionRule(user_id="U0GRACE")
GROUP = MentionRule(group_id="S0OPS")
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture
async def harness(connected: AppHarness) -> AppHarness:
    """Ada has turned alerts on in #ops."""
    await connected.person("ada", "ops").command("/emporix alerts on")
    return connected


def alert_store(harness: AppHarness) -> AlertStore:
    return AlertStore(harness.redis, harness.cipher)


async def the_alert(harness: AppHarness) -> Alert:
    (alert,) = await alert_store(harness).of_connection(PolledConnection(ADA, "acme"))
    return alert


async def choose(harness: AppHarness, *rules: MentionRule, **more: Any) -> None:
    """Store whom the alert mentions."""
    alert = await the_alert(harness)
    changed = replace(alert, mentions=MentionSettings(rules, **more))
    assert await alert_store(harness).save(changed, alert)


async def mentions(harness: AppHarness) -> list[dict[str, Any]]:
    """The messages in #ops that mention someone, except the announcements by users."""
    messages = await harness.person("ada", "ops").messages()
    return [message for message in messages if message["text"].startswith(":bell:")]


async def news(harness: AppHarness) -> list[str]:
    """The ids of the alert's messages, without threads."""
    messages = await harness.person("ada", "ops").messages()
    return [one["ts"] for one in messages if one["text"].startswith("❌") and not one["thread_ts"]]


async def snooze_option(harness: AppHarness, words: str) -> str:
    """The text of an option in the menus of the newest alert."""
    messages = await harness.person("ada", "ops").messages()
    alerts = [one for one in messages if one["text"].startswith("❌") and not one["thread_ts"]]
    elements = [one for block in alerts[-1]["blocks"] for one in block.get("elements", ())]
    texts = [option["text"]["text"] for one in elements for option in one.get("options", ())]
    (found,) = [text for text in texts if words in text]
    return str(found)


async def test_a_new_kind_mentions_a_person_and_a_group_once(harness: AppHarness) -> None:
    """A new kind of failure mentions in its thread; its repeats do not, and another kind does."""
    await choose(harness, PERSON, MentionRule(group_id="S0OPS"))
    fail(harness)
    await later(harness)
    (said,) = await mentions(harness)
    assert said["text"].startswith(":bell: New kind of failure of complaint-agent in acme")
    assert said["text"].endswith("— <@U0GRACE> <!subteam^S0OPS>")
    assert said["thread_ts"] == (await news(harness))[-1]
    for _ in range(3):
        fail(harness)
        await later(harness)
    assert len(await mentions(harness)) == 1
    fail(harness, message=TIMED_OUT)
    await later(harness)
    assert len(await mentions(harness)) == 2


async def test_a_summary_of_known_failures_mentions_nobody(harness: AppHarness) -> None:
    """After a long gap, the summary mentions people only if it has a new kind of failure."""
    await choose(harness, PERSON)
    fail(harness)
    await later(harness)
    for messages in ((NOT_FOUND,), (NOT_FOUND, TIMED_OUT)):
        harness.clock.forward(3600)
        for message in messages:
            fail(harness, message=message)
        before = len(await mentions(harness))
        await later(harness)
        assert len(await mentions(harness)) - before == len(messages) - 1


async def test_each_agent_has_its_own_rule(harness: AppHarness) -> None:
    """A rule for an agent applies to its failures only, in addition to the rule for all."""
    rule = MentionRule("fraud-agent", "Fraud Check", group_id="S0SHOP")
    await choose(harness, rule)
    fail(harness, agentId="other-agent")
    await later(harness)
    assert await mentions(harness) == []
    await choose(harness, PERSON, rule)
    fail(harness, message=TIMED_OUT, agentId="fraud-agent")
    await later(harness)
    (said,) = await mentions(harness)
    assert said["text"].endswith("of fraud-agent in acme — <@U0GRACE> <!subteam^S0SHOP>")


async def test_only_failures_mention(harness: AppHarness) -> None:
    """Jobs that did not fail mention nobody."""
    ada = harness.person("ada", "ops")
    await ada.command("/emporix alerts off")
    await ada.command("/emporix alerts on skipped")
    await choose(harness, PERSON)
    fail(harness, status="skipped")
    await later(harness)
    assert await mentions(harness) == []


async def test_reminds_once(harness: AppHarness) -> None:
    """If no one claims the failure in the given minutes, one reminder follows, with the time."""
    await choose(harness, PERSON, remind_after=30)
    fail(harness)
    await later(harness)
    await later(harness, 28 * MINUTE)
    assert len(await mentions(harness)) == 1
    await later(harness, 3 * MINUTE)
    first, again = await mentions(harness)
    began = int(float((await news(harness))[-1]))
    assert (
        f"No one has claimed this failure of complaint-agent in acme <!date^{began}^since"
        in (again["text"])
    )
    assert again["thread_ts"] == first["thread_ts"]
    await later(harness, 120 * MINUTE)
    assert len(await mentions(harness)) == 2
    assert (await the_alert(harness)).pending == ()


@pytest.mark.parametrize("button", ["I'm on it", "Resolve"])
async def test_no_reminder_once_someone_responds(harness: AppHarness, button: str) -> None:
    """A failure that was claimed or resolved is not mentioned again, unless it was reopened."""
    await choose(harness, PERSON, remind_after=30)
    fail(harness)
    await later(harness)
    ada = harness.person("ada", "ops")
    await ada.click(button)
    await later(harness, 60 * MINUTE)
    assert len(await mentions(harness)) == 1
    assert (await the_alert(harness)).pending == ()
    fail(harness, message=TIMED_OUT)
    await later(harness)
    await ada.click(button)
    await later(harness)
    await ada.click("Reopen")
    await later(harness, 40 * MINUTE)
    assert len(await mentions(harness)) == 3


async def test_a_failure_that_was_resolved_mentions_nobody_again(harness: AppHarness) -> None:
    """A failure after Resolve reopens its message, but is no new kind, so it mentions nobody."""
    await choose(harness, PERSON)
    fail(harness)
    await later(harness)
    await harness.person("ada", "ops").click("Resolve")
    await later(harness)
    fail(harness)
    await later(harness)
    assert len(await mentions(harness)) == 1


async def test_no_reminder_after_the_settings_were_removed(harness: AppHarness) -> None:
    """The settings at the time of a mention decide, so that nobody is mentioned by an old one."""
    await choose(harness, PERSON, remind_after=30)
    fail(harness)
    await later(harness)
    await choose(harness)
    await later(harness, 60 * MINUTE)
    assert len(await mentions(harness)) == 1
    assert (await the_alert(harness)).pending == ()


async def test_quiet_hours_delay_mentions_but_not_messages(harness: AppHarness) -> None:
    """During quiet hours the failure is posted at once, and the mention follows at their end."""
    local = datetime.fromtimestamp(harness.clock(), BERLIN)
    minute = local.hour * 60 + local.minute
    quiet = QuietHours((minute - 60) % 1440, (minute + 90) % 1440, "Europe/Berlin")
    await choose(harness, PERSON, quiet=quiet, remind_after=10)
    fail(harness)
    await later(harness)
    assert len(await news(harness)) == 1
    await later(harness, 80 * MINUTE)
    assert await mentions(harness) == []
    await later(harness, 12 * MINUTE)
    (said,) = await mentions(harness)
    assert "New kind of failure" in said["text"]
    await later(harness, 11 * MINUTE)
    assert len(await mentions(harness)) == 2


async def test_reminds_while_emporix_is_down(harness: AppHarness) -> None:
    """A reminder doesn't need Emporix, so it is at most a quarter of an hour late without it."""
    await choose(harness, PERSON, remind_after=30)
    fail(harness)
    await later(harness)
    harness.emporix_state.faults.add(EmporixFault("status", times=999, status=503))
    await later(harness, 50 * MINUTE)
    assert len(await mentions(harness)) == 2


async def test_a_muted_alert_mentions_nobody(harness: AppHarness) -> None:
    """A mention waits while the alert is muted."""
    await choose(harness, PERSON, remind_after=10)
    fail(harness)
    await later(harness)
    await harness.person("ada", "ops").command("/emporix alerts mute 1h")
    await later(harness, 30 * MINUTE)
    assert len(await mentions(harness)) == 1
    await harness.person("ada", "ops").command("/emporix alerts unmute")
    await later(harness, 2 * MINUTE)
    assert len(await mentions(harness)) == 2


async def test_a_snoozed_failure_is_not_mentioned(harness: AppHarness) -> None:
    """A reminder waits while all failures of its message are snoozed, and then follows once."""
    await choose(harness, PERSON, remind_after=30)
    fail(harness)
    await later(harness)
    await harness.person("ada", "ops").click("Snooze for 1 hour")
    await later(harness, 59 * MINUTE)
    assert len(await mentions(harness)) == 1
    await later(harness, 2 * MINUTE)
    assert len(await mentions(harness)) == 2
    await later(harness, 35 * MINUTE)
    assert len(await mentions(harness)) == 2
    assert (await the_alert(harness)).pending == ()


async def test_a_reminder_follows_a_snooze_that_is_ended(harness: AppHarness) -> None:
    """After End snooze, the reminder comes with the next poll; a claim meanwhile drops it."""
    await choose(harness, PERSON, remind_after=30)
    ada = harness.person("ada", "ops")
    for message, is_claimed in ((NOT_FOUND, False), (TIMED_OUT, True)):
        fail(harness, message=message)
        await later(harness)
        before = len(await mentions(harness))
        await ada.click("Snooze until tomorrow at 9:00")
        await later(harness, 60 * MINUTE)
        if is_claimed:
            await ada.click("I'm on it")
        await ada.click("End snooze")
        await later(harness, 2 * MINUTE)
        assert len(await mentions(harness)) - before == (not is_claimed)
        await ada.click("Resolve")


async def test_a_snooze_holds_back_the_agents_of_its_failures(harness: AppHarness) -> None:
    """Of a message with two causes, the reminder leaves out the agent whose failure is snoozed."""
    rules = [MentionRule("a", "", "U0ADA"), MentionRule("b", "", "U0GRACE")]
    await choose(harness, *rules, remind_after=30)
    fail(harness, agentId="a")
    fail(harness, message=TIMED_OUT, agentId="b")
    await later(harness)
    (said,) = await mentions(harness)
    assert said["text"].endswith("of a, b in acme — <@U0ADA> <@U0GRACE>")
    await harness.person("ada", "ops").click(await snooze_option(harness, "1 hour · a"))
    await later(harness, 40 * MINUTE)
    _, again = await mentions(harness)
    assert again["text"].endswith("— <@U0GRACE>")
    assert " of b in acme " in again["text"]
    await later(harness, 60 * MINUTE)
    assert len(await mentions(harness)) == 2


async def test_says_who_is_not_notified(harness: AppHarness) -> None:
    """A person who has left and a user group that was disabled are named, but not mentioned."""
    directory = harness.workspace.directory
    groups = directory.user_groups
    groups["S0OPS"] = replace(groups["S0OPS"], is_disabled=True)
    directory.deactivate("U0GRACE")
    await choose(harness, PERSON, GROUP, MentionRule("complaint-agent", "", "U0ADA", "S0SHOP"))
    fail(harness)
    await later(harness)
    (said,) = await mentions(harness)
    mentioned, not_notified = said["text"].split("\n")
    assert mentioned.endswith("— <@U0ADA> <!subteam^S0SHOP>")
    assert "Not notified, because" in not_notified
    assert "<@U0GRACE>, <!subteam^S0OPS>" in not_notified


async def test_a_rule_for_a_deleted_person_says_so(harness: AppHarness) -> None:
    """If the data of the person in a rule was deleted, the message says that it notifies nobody."""
    await choose(harness, MentionRule())
    fail(harness)
    await later(harness)
    (said,) = await mentions(harness)
    assert (
        "Not notified, because they have left or were disabled: a person who left" in (said["text"])
    )


@pytest.mark.parametrize("method", ["users.info", "usergroups.list"])
async def test_mentions_all_if_slack_does_not_say_who_left(
    harness: AppHarness, method: str
) -> None:
    """If Slack doesn't say whether people are still there, all of them are mentioned."""
    await choose(harness, PERSON, GROUP)
    harness.workspace.faults.add(Fault("refuse", method=method, error="internal_error", times=9))
    fail(harness)
    await later(harness)
    (said,) = await mentions(harness)
    assert said["text"].endswith("— <@U0GRACE> <!subteam^S0OPS>")


async def test_no_mention_about_a_message_that_is_too_old(harness: AppHarness) -> None:
    """A mention of a message that gets no repeats anymore is dropped."""
    await choose(harness, PERSON, remind_after=10)
    fail(harness)
    await later(harness)
    harness.clock.forward(25 * 3600)
    await later(harness)
    assert len(await mentions(harness)) == 1
    assert (await the_alert(harness)).pending == ()


async def test_no_mention_before_other_organizations(harness: AppHarness) -> None:
    """A mention is not posted in a channel that other organizations can read by then."""
    await choose(harness, PERSON, remind_after=10)
    fail(harness)
    await later(harness)
    await harness.person("ada", "ops").share_channel()
    await later(harness, 15 * MINUTE)
    assert len(await mentions(harness)) == 1
    assert (await the_alert(harness)).pending == ()


@pytest.mark.parametrize(
    "fault",
    [
        Fault("rate_limit", method="chat.postMessage", retry_after=20),
        Fault("status", method="chat.postMessage"),
        Fault("status_after", method="chat.postMessage"),
        Fault("cut_before", method="chat.postMessage"),
        Fault("cut_after", method="chat.postMessage"),
    ],
    ids=lambda fault: fault.kind,
)
@pytest.mark.parametrize("before", ["message", "mention"])
async def test_mentions_once_despite_faults(harness: AppHarness, fault: Fault, before: str) -> None:
    """Whatever Slack answers to the message or to the mention, each is posted exactly once."""
    local = datetime.fromtimestamp(harness.clock(), BERLIN)
    minute = local.hour * 60 + local.minute
    quiet = QuietHours((minute - 60) % 1440, (minute + 5) % 1440, "Europe/Berlin")
    await choose(harness, PERSON, quiet=quiet)
    if before == "message":
        harness.workspace.faults.add(fault)
    fail(harness)
    await later(harness, 3 * MINUTE)
    if before == "mention":
        harness.workspace.faults.add(fault)
    await later(harness, 15 * MINUTE)
    assert (len(await news(harness)), len(await mentions(harness))) == (1, 1)
    assert len(harness.workspace.faults) == 0


async def test_mentions_once_if_the_worker_dies_before_it_saves(harness: AppHarness) -> None:
    """A worker that dies after the mention, before it saves that, does not mention again."""
    await choose(harness, PERSON)
    fail(harness)
    await later(harness)
    now = await the_alert(harness)
    (pending,) = mentions_of(
        now,
        ChangeBatch(1, harness.clock(), (JobChange("job-0", "f", "", ""),)),
        (),
        AlertResponses(),
        (await news(harness))[-1],
    )
    assert await alert_store(harness).save(replace(now, pending=(pending,)), now)
    await later(harness, 3 * MINUTE)
    assert len(await mentions(harness)) == 1
    assert (await the_alert(harness)).pending == ()
