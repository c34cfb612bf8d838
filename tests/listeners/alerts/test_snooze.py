"""Snoozing one kind of failure from an alert's message."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from syrupy.assertion import SnapshotAssertion

from bot.domain.alerts import ChangeBatch
from bot.domain.conditions import JobChange
from bot.errors import InvalidInput
from bot.services.alerts.alerts import snooze_end
from bot.services.alerts.lifecycle import AlertResponder
from bot.store import keys as redis_keys
from bot.store.alerts import AlertStore
from sandbox.slack.directory import TEAM_ID
from sandbox.slack.faults import Fault
from tests.harness.app import AppHarness
from tests.listeners.alerts.fixtures import with_failure
from tests.listeners.alerts.test_open import click_in, state, thread, unclaimed
from tests.tasks.test_alert_mentions import snooze_option
from tests.tasks.test_alerts import TIMED_OUT, fail, later, posted, shown

HOUR = 60 * 60.0
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture
async def harness(connected: AppHarness) -> AppHarness:
    return await with_failure(connected)


async def snooze(harness: AppHarness, label: str, name: str = "grace") -> list[dict[str, Any]]:
    """Choose an entry of the menu of the failure in the message."""
    return list((await harness.person(name, "ops").click(label)).payloads)


async def new_messages(harness: AppHarness) -> list[dict[str, Any]]:
    """The messages of the channel that aren't replies."""
    return [one for one in await posted(harness) if not one["thread_ts"]]


async def test_snoozed_failures_are_counted_and_reported(
    harness: AppHarness, snapshot: SnapshotAssertion
) -> None:
    """For an hour, the same failure isn't posted; then the thread says how many occurred."""
    await snooze(harness, "Snooze for 1 hour")
    first, *_ = await posted(harness)
    assert shown(first) == snapshot
    for _ in range(3):
        fail(harness)
        await later(harness, 600)
    assert len(await posted(harness)) == 1
    await later(harness, 0.6 * HOUR)
    assert await thread(harness) == [
        "⏰ The snooze of a failure of complaint-agent is over: *3 jobs failed* for this reason "
        "meanwhile."
    ]
    assert await state(harness) == "I'm on it | Resolve"
    fail(harness)
    await later(harness)
    assert (await thread(harness))[-1].startswith("❌ 1 more job failed")
    await later(harness, 2 * HOUR)
    assert len(await thread(harness)) == 2


@pytest.mark.parametrize("before", [0, 2])
async def test_a_muted_alert_does_not_count_snoozed_failures(
    harness: AppHarness, before: int
) -> None:
    """If jobs were not read until the end of a snooze, the thread says since when, not that none
    failed.
    """
    await snooze(harness, "Snooze for 1 hour")
    for _ in range(before):
        fail(harness)
    await later(harness, 600)
    await harness.person("grace", "ops").command("/emporix alerts mute 2h")
    fail(harness)
    await later(harness, HOUR)
    (line,) = await thread(harness)
    assert line.startswith("⏰ The snooze of a failure of complaint-agent is over")
    assert ("*2 jobs failed* for this reason" in line) == bool(before)
    assert "no job failed" not in line
    assert "aren't counted, because jobs weren't read" in line
    await later(harness, 1.2 * HOUR)
    assert any("1 job failed" in one["text"] for one in (await new_messages(harness))[1:])


async def test_other_failures_are_posted(harness: AppHarness) -> None:
    """Only failures of the snoozed kind are held back, also from other agents."""
    await snooze(harness, "Snooze for 4 hours")
    fail(harness, agentId="other-agent")
    fail(harness, message=TIMED_OUT)
    await later(harness, 120)
    (_, other) = await new_messages(harness)
    assert "timed out" in str(other["blocks"])
    assert await thread(harness) == []


async def test_a_snooze_can_be_ended(harness: AppHarness) -> None:
    """End snooze reports what occurred so far, and the next failure is posted."""
    await snooze(harness, "Snooze until tomorrow at 9:00")
    assert "End snooze" in await state(harness)
    fail(harness)
    await later(harness, 120)
    await snooze(harness, "End snooze", "ada")
    await later(harness, 5)
    (line,) = await thread(harness)
    assert "*1 job failed* for this reason meanwhile" in line
    assert "End snooze" not in await state(harness)
    fail(harness)
    await later(harness, 120)
    assert len(await thread(harness)) == 2


async def test_snoozes_until_a_date(harness: AppHarness) -> None:
    """The date is asked in a modal, and errors appear under it; the snooze ends at 9:00 there."""
    ada = harness.person("ada", "ops")
    await ada.click("Snooze until a date…")
    refused = await ada.submit({"Until": "2026-11-20"})
    assert "Choose a day from tomorrow" in str(refused.payloads)
    await ada.submit({"Until": "2026-11-30"})
    harness.clock.now = datetime(2026, 11, 30, 8, 50, tzinfo=BERLIN).timestamp()
    fail(harness)
    await later(harness, 500)
    assert await thread(harness) == []
    await later(harness, 200)
    (line,) = await thread(harness)
    assert "*1 job failed*" in line


async def test_claims_and_snoozes_go_together(harness: AppHarness) -> None:
    """A resolved message isn't reopened by a snoozed failure."""
    await snooze(harness, "Snooze for 1 hour")
    await harness.person("ada", "ops").click("Resolve")
    fail(harness)
    await later(harness, 120)
    assert (await state(harness)).startswith("✅ Resolved by <@U0ADA>")
    assert await thread(harness) == ["✅ Resolved by <@U0ADA>."]


async def test_snoozed_failures_are_not_unclaimed(
    harness: AppHarness, snapshot: SnapshotAssertion
) -> None:
    """The list says until when failures are snoozed; the Home tab lists them after that."""
    await snooze(harness, "Snooze for 4 hours")
    answer = await harness.person("grace", "ops").command("/emporix alerts open")
    assert answer.payloads == snapshot
    assert "that no one has claimed" not in str((await harness.ada.open_home()).payloads)
    await later(harness, 4.1 * HOUR)
    assert "*1 message with failures that no one has claimed*" in await unclaimed(harness)
    assert "that no one has claimed" in str((await harness.ada.open_home()).payloads)


async def test_a_partly_snoozed_message_is_unclaimed(harness: AppHarness) -> None:
    """Of a message with two causes, of which one is snoozed, the list counts the other one."""
    fail(harness, message="Another {}", agentId="a")
    fail(harness, message=TIMED_OUT, agentId="b")
    fail(harness, message=TIMED_OUT, agentId="b")
    await later(harness, 120)
    await snooze(harness, await snooze_option(harness, "1 hour · b"))
    listed = await unclaimed(harness)
    assert "*2 messages with failures that no one has claimed*" in listed
    assert "*1 job failed* in acme: a · " in listed


async def test_menus_differ(harness: AppHarness) -> None:
    """In a message with several failures, each option says which one it is about."""
    fail(harness, message="Another {}", agentId="a" * 60)
    fail(harness, message=TIMED_OUT, agentId="b")
    await later(harness, 120)
    for words in (
        "1 hour · b, ",
        "a date… · b, ",
        "tomorrow at 9:00 · aaaaaaaaaaaaaaaaaaaaaaaa…, ",
    ):
        assert (await snooze_option(harness, words)).endswith("AM")


async def test_a_snooze_holds_also_for_other_messages(harness: AppHarness) -> None:
    """Another message about failures of the snoozed kind isn't unclaimed either."""
    harness.clock.forward(25 * HOUR)
    fail(harness)
    await later(harness)
    assert len(await new_messages(harness)) == 2
    await snooze(harness, "Snooze for 1 hour")
    assert "😴 *2 messages with snoozed failures*" in await unclaimed(harness)


async def test_two_snoozes_of_a_kind_count_the_same(harness: AppHarness) -> None:
    """If two messages snooze the same kind of failure, both threads say how many occurred."""
    store = AlertStore(harness.redis, harness.cipher)
    (alert,) = await store.of_channel(TEAM_ID, "C0OPS")
    responder = AlertResponder(store, harness.clock)
    harness.clock.forward(25 * HOUR)
    fail(harness)
    await later(harness)
    for post in await store.load_posts(alert.id):
        until = harness.clock() + HOUR
        await responder.snooze(alert, post.ts, post.rows[0].job_id, until, "U0ADA")
    fail(harness)
    await later(harness, 1.2 * HOUR)
    said = [line for line in await thread(harness) if "snooze" in line]
    assert ["*1 job failed*" in line for line in said] == [True, True]


async def test_a_long_snooze_keeps_the_message_in_use(harness: AppHarness) -> None:
    """After a snooze of weeks, the message gets the next failure, is listed and can be claimed."""
    ada = harness.person("ada", "ops")
    await ada.click("Snooze until a date…")
    await ada.submit({"Until": "2026-12-17"})
    harness.clock.now = datetime(2026, 12, 10, 8, tzinfo=BERLIN).timestamp()
    fail(harness, message=TIMED_OUT)
    await later(harness, 120)
    harness.clock.now = datetime(2026, 12, 17, 9, 1, tzinfo=BERLIN).timestamp()
    await later(harness, 60)
    fail(harness)
    await later(harness, 120)
    first, *_ = await new_messages(harness)
    assert (await thread(harness))[-1].startswith("❌ 1 more job failed")
    assert first["ts"].replace(".", "") in await unclaimed(harness)
    message, *_ = await posted(harness)
    await click_in(harness, message, "U0GRACE", "I'm on it")
    assert (await state(harness)).startswith("🙋 <@U0GRACE>")


async def test_counts_failures_that_are_not_posted_yet(harness: AppHarness) -> None:
    """The report has failures that were found before its end, although they can't be posted yet."""
    await snooze(harness, "Snooze for 1 hour")
    await later(harness, 0.9 * HOUR)
    await harness.redis.delete(*await harness.redis.keys("*audience*"))
    harness.workspace.faults.add(Fault("status", times=999, method="conversations.info"))
    fail(harness)
    fail(harness, message=TIMED_OUT)
    await later(harness, 60)
    harness.workspace.faults.clear()
    await harness.person("grace", "ops").command("/emporix alerts mute 1h")
    await later(harness, 0.2 * HOUR)
    (line,) = await thread(harness)
    assert "*1 job failed*" in line
    assert len(await new_messages(harness)) == 1
    await later(harness, HOUR)
    assert len(await thread(harness)) == 1
    assert len(await new_messages(harness)) == 2


async def test_reports_nothing_until_the_readers_are_known(harness: AppHarness) -> None:
    """While Slack doesn't say who reads the channel, the report waits."""
    await snooze(harness, "Snooze for 1 hour")
    await harness.redis.delete(*await harness.redis.keys("*audience*"))
    harness.workspace.faults.add(Fault("status", times=999, method="conversations.info"))
    await later(harness, 1.1 * HOUR)
    assert await thread(harness) == []
    harness.workspace.faults.clear()
    await later(harness, 120)
    assert len(await thread(harness)) == 1


async def test_a_failure_found_too_late_is_posted(harness: AppHarness) -> None:
    """A failure that the report of a snooze doesn't count is posted, so that it isn't lost."""
    await snooze(harness, "Snooze for 1 hour")
    await later(harness, 1.1 * HOUR)
    store = AlertStore(harness.redis, harness.cipher)
    (alert,) = await store.of_channel(TEAM_ID, "C0OPS")
    kind = (await store.load_posts(alert.id))[0].rows[0].fingerprint
    found_at = harness.clock() - 0.5 * HOUR
    late = ChangeBatch(alert.number + 1, found_at, (JobChange("late", kind),))
    assert await store.save(replace(alert, number=late.number, batch=late), alert)
    await later(harness, 120)
    assert "no job failed" in (await thread(harness))[0]
    assert (await thread(harness))[1].startswith("❌ 1 more job failed")


async def test_two_who_snooze_at_once(harness: AppHarness) -> None:
    """Two snoozes of the same kind are one, with one report."""
    people = [harness.person(name, "ops") for name in ("ada", "grace")]
    await asyncio.gather(*(one.click("Snooze for 1 hour") for one in people))
    fail(harness)
    await later(harness, 1.2 * HOUR)
    (line,) = await thread(harness)
    assert "*1 job failed*" in line


async def test_the_worker_dies_before_it_saves_its_report(harness: AppHarness) -> None:
    """A worker that repeats another one's work reports the snooze once."""
    await snooze(harness, "Snooze for 1 hour")
    fail(harness)
    await later(harness, 0.9 * HOUR)
    (key,) = await harness.redis.keys("*:responses:*")
    before = await harness.redis.hgetall(key)
    await later(harness, 0.2 * HOUR)
    assert len(await thread(harness)) == 1
    await harness.redis.hset(key, mapping=before)
    due = redis_keys.alert_responses_due()
    await harness.redis.zadd(due, {key.rpartition(":")[2]: harness.clock()})
    await later(harness, 300)
    assert len(await thread(harness)) == 1
    assert await harness.redis.zcard(due) == 0


@pytest.mark.parametrize(
    "fault",
    [
        Fault("rate_limit", times=2, method="chat.postMessage", retry_after=20),
        Fault("status_after", times=1, method="chat.postMessage"),
        Fault("cut_after", times=1, method="chat.postMessage"),
        Fault("cut_before", times=3, method="chat.update"),
    ],
    ids=lambda fault: f"{fault.kind}-{fault.method}",
)
async def test_is_reported_once_despite_errors_of_slack(harness: AppHarness, fault: Fault) -> None:
    """The report is posted once, with the right number, if Slack fails meanwhile."""
    await snooze(harness, "Snooze for 1 hour")
    fail(harness)
    await later(harness, 0.9 * HOUR)
    harness.workspace.faults.add(fault)
    await later(harness, 0.5 * HOUR)
    (line,) = await thread(harness)
    assert "*1 job failed*" in line
    assert "End snooze" not in await state(harness)


@pytest.mark.parametrize(
    ("until", "now", "ends"),
    [
        ("1h", "2026-11-23 23:30", "2026-11-24 00:30"),
        ("4h", "2026-11-23 23:30", "2026-11-24 03:30"),
        ("tomorrow", "2026-11-23 00:10", "2026-11-24 09:00"),
        ("tomorrow", "2026-10-24 12:00", "2026-10-25 09:00"),
        ("2026-12-23", "2026-11-23 12:00", "2026-12-23 09:00"),
    ],
)
def test_ends_in_the_zone_of_the_user(until: str, now: str, ends: str) -> None:
    """A snooze until a day ends at 9:00 in the user's zone, also when clocks change."""
    at, end = (
        datetime.fromisoformat(one).replace(tzinfo=BERLIN).timestamp() for one in (now, ends)
    )
    assert snooze_end(until, at, BERLIN) == end


@pytest.mark.parametrize("until", ["2026-11-23", "2026-11-22", "2026-12-24", "soon", ""])
def test_refuses_other_days(until: str) -> None:
    """A snooze ends in the next 30 days."""
    now = datetime(2026, 11, 23, 12, tzinfo=BERLIN).timestamp()
    with pytest.raises(InvalidInput):
        snooze_end(until, now, BERLIN)
