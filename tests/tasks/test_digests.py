"""Scheduled digests are posted once a day, despite failures of workers, users and Slack."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

import pytest
from syrupy.assertion import SnapshotAssertion

from bot.domain.accounts import Caller
from bot.services.digests.lifecycle import MAX_DELAY_SECONDS
from bot.store import keys as redis_keys
from bot.store.digests import DigestStore
from bot.store.slack_cache import AudienceCache
from sandbox.emporix.faults import Fault as EmporixFault
from sandbox.emporix.keys import ACME_OPERATIONS, ACME_READ_ONLY
from sandbox.slack.directory import BOT_USER_ID, TEAM_ID
from sandbox.slack.faults import Fault
from tests.harness.app import AppHarness
from tests.listeners.digest.fixtures import in_channel, set_up, stored, to_ada
from tests.listeners.jobs.fixtures import MESSAGES, STATUSES, job_id

NINE = 1_795_507_200.0  # 2026-11-24 09:00 in Berlin, the day after the harness's clock
DAY = 86400.0


@pytest.fixture
async def harness_at_nine(connected: AppHarness) -> AppHarness:
    """Ada has a digest of #ops, there are jobs, and it is a second past nine of the next day.

    Pictures have tests of their own.
    """
    await set_up(connected.person("ada", "ops"), quiet="quiet", chart=[])
    connected.clock.now = NINE - 3600
    for number in range(12):
        connected.emporix_state.add_job(
            "acme", id=job_id(number), status=STATUSES[number % 3], message=MESSAGES[number % 3]
        )
    connected.clock.now = NINE + 1
    return connected


def berlin(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Europe/Berlin")).timestamp()


async def texts(harness: AppHarness) -> list[str]:
    return [message["text"] for message in await in_channel(harness)]


async def work(harness: AppHarness, seconds: float = 60.0) -> None:
    """Run the worker for this time, second by second."""
    await harness.worker.work_until(harness.clock() + seconds, step=1.0)


async def test_is_posted_at_its_time(
    harness_at_nine: AppHarness, snapshot: SnapshotAssertion
) -> None:
    """A digest is posted on time, with counts and groups of failures, the rest in its thread."""
    harness_at_nine.clock.now = NINE - 1
    await harness_at_nine.worker.work()
    assert await in_channel(harness_at_nine) == []
    harness_at_nine.clock.now = NINE
    await harness_at_nine.worker.work()
    posted = [
        {"text": one["text"], "blocks": one["blocks"], "in_thread": bool(one["thread_ts"])}
        for one in await in_channel(harness_at_nine)
    ]
    assert posted == snapshot


async def test_counts_failures_that_it_has_not_read(harness_at_nine: AppHarness) -> None:
    """Of many failures, the newest are grouped, some are in the thread, and all can be listed."""
    harness_at_nine.clock.now = NINE - 3600
    for number in range(130):
        harness_at_nine.emporix_state.add_job(
            "acme", status="failure", message=f"Order EON{number} is lost."
        )
    harness_at_nine.clock.now = NINE
    await harness_at_nine.worker.work()
    top, thread = await in_channel(harness_at_nine)
    assert "34 older failures not grouped" in str(top["blocks"])
    assert "*20 more failed jobs* in acme" in str(thread["blocks"])
    assert [one["text"] for one in thread["blocks"][-2]["elements"]] == [
        "112 more failed jobs aren't shown here."
    ]
    listed = await harness_at_nine.person("ada", "ops").click("Show all 134")
    assert listed.payloads[0]["text"].startswith("Jobs 1–10 of 134")


async def test_is_posted_once_a_day(harness_at_nine: AppHarness) -> None:
    """A week has seven digests, one per day."""
    await harness_at_nine.worker.work_until(NINE + 6 * DAY + 3600, step=1800)
    tops = [one for one in await in_channel(harness_at_nine) if not one["thread_ts"]]
    assert len(tops) == 7


@pytest.mark.parametrize(
    ("begin", "posts"),
    [("2026-03-27T12:00", ["02:30", "03:00", "02:30"]), ("2026-10-23T12:00", ["02:30"] * 3)],
)
async def test_is_posted_once_when_the_clocks_change(
    connected: AppHarness, begin: str, posts: list[str]
) -> None:
    """A digest is posted once a day, also when the clocks change."""
    connected.clock.now = berlin(begin)
    await connected.connect(connected.ada, ACME_OPERATIONS)
    await set_up(connected.person("ada", "ops"), time="02:30", quiet="quiet")
    await connected.worker.work_until(connected.clock() + 3 * DAY, step=1800)
    times = [float(one["ts"]) for one in await in_channel(connected)]
    zone = ZoneInfo("Europe/Berlin")
    assert [datetime.fromtimestamp(at, zone).strftime("%H:%M") for at in times] == posts


async def test_covers_the_time_since_the_one_before(harness_at_nine: AppHarness) -> None:
    """Each job is counted in one digest."""
    await work(harness_at_nine)
    harness_at_nine.clock.now = NINE + 3600
    harness_at_nine.emporix_state.add_job("acme", status="failure", message="One more.")
    harness_at_nine.clock.now = NINE + DAY
    await harness_at_nine.worker.work()
    first, _, second = await texts(harness_at_nine)
    assert first.startswith("❌ 4 of 12 jobs failed")
    assert second.startswith("❌ 1 of 1 job failed")


async def test_counts_without_reading(harness_at_nine: AppHarness) -> None:
    """The number of calls doesn't depend on the number of jobs, and pages have at most fifty."""
    harness_at_nine.emporix_state.requests.clear()
    await harness_at_nine.worker.work()
    lists = [seen for seen in harness_at_nine.emporix_state.requests if seen.path.endswith("/jobs")]
    assert len(lists) == 11
    assert all("pageSize=1&" in seen.query or "pageSize=50" in seen.query for seen in lists)


async def test_shares_calls_between_digests(harness_at_nine: AppHarness) -> None:
    """Two digests with the same tenant, key and time share their calls to Emporix."""
    await set_up(harness_at_nine.person("ada", "general"), quiet="quiet", chart=[])
    harness_at_nine.clock.now = NINE + DAY
    await work(harness_at_nine)
    harness_at_nine.clock.now = NINE + 2 * DAY
    harness_at_nine.emporix_state.requests.clear()
    await harness_at_nine.worker.work()
    lists = [seen for seen in harness_at_nine.emporix_state.requests if seen.path.endswith("/jobs")]
    assert len(lists) == 11


async def test_a_quiet_day_is_one_line(connected: AppHarness, snapshot: SnapshotAssertion) -> None:
    """A quiet day is posted as one line if that was requested."""
    await set_up(connected.person("ada", "ops"), quiet="quiet")
    connected.clock.now = NINE
    await connected.worker.work()
    (message,) = await in_channel(connected)
    assert (message["text"], message["blocks"]) == snapshot


async def test_a_quiet_day_is_silent(connected: AppHarness) -> None:
    """By default, a quiet day isn't posted, and the next digest covers only the time since."""
    await set_up(connected.person("ada", "ops"))
    connected.clock.now = NINE
    await connected.worker.work()
    assert await in_channel(connected) == []
    digest = await stored(connected)
    assert (digest.posted_on, digest.covered_until) == ("2026-11-24", NINE)


async def test_a_late_one_says_so(harness_at_nine: AppHarness, snapshot: SnapshotAssertion) -> None:
    """A digest less than six hours late is posted, and says so."""
    harness_at_nine.clock.now = NINE + MAX_DELAY_SECONDS - 60
    await harness_at_nine.worker.work()
    message = (await in_channel(harness_at_nine))[0]
    assert message["blocks"][3] == snapshot


async def test_the_next_digest_mentions_missed_ones(
    harness_at_nine: AppHarness, snapshot: SnapshotAssertion
) -> None:
    """After three days without a worker, one digest names the missed ones and covers the time."""
    harness_at_nine.clock.now = NINE + 2 * DAY + MAX_DELAY_SECONDS + 60
    await work(harness_at_nine)
    assert await in_channel(harness_at_nine) == []
    harness_at_nine.clock.now = NINE + 3 * DAY
    await work(harness_at_nine)
    (message,) = [one for one in await in_channel(harness_at_nine) if not one["thread_ts"]]
    assert message["blocks"][3] == snapshot


async def test_notifies_the_owner_once_of_a_broken_connection(
    harness_at_nine: AppHarness, snapshot: SnapshotAssertion
) -> None:
    """The owner gets one message; after three days the digest pauses, with two notices."""
    harness_at_nine.emporix_state.revoke(ACME_OPERATIONS)
    await harness_at_nine.worker.work_until(NINE + 5 * DAY, step=1800)
    (told,) = await to_ada(harness_at_nine)
    assert told["blocks"] == snapshot(name="to the owner")
    first, second = await in_channel(harness_at_nine)
    assert first["blocks"] == snapshot(name="to the channel")
    assert second["blocks"] == snapshot(name="to the channel, once more")
    digest = await stored(harness_at_nine)
    assert digest.paused == "connection"
    assert digest.failed_dates == ("2026-11-24", "2026-11-25", "2026-11-26")


async def test_reports_failures_of_a_requested_digest(harness_at_nine: AppHarness) -> None:
    """Each failure of a requested digest is reported to the person who requested it."""
    await work(harness_at_nine)
    harness_at_nine.emporix_state.revoke(ACME_OPERATIONS)
    for count in (1, 2):
        await harness_at_nine.person("ada", "ops").command("/emporix digest now")
        await work(harness_at_nine)
        told = [m for m in await to_ada(harness_at_nine) if "couldn't post" in m["text"]]
        assert len(told) == count
    assert (await stored(harness_at_nine)).paused == ""


@pytest.mark.parametrize("kind", ["cut_before", "cut_after"])
async def test_notifies_the_owner_despite_errors_of_slack(
    harness_at_nine: AppHarness, kind: Literal["cut_before", "cut_after"]
) -> None:
    """The owner is notified once, also if Slack closed the connection."""
    harness_at_nine.emporix_state.revoke(ACME_OPERATIONS)
    harness_at_nine.workspace.faults.add(Fault(kind, method="chat.postMessage", times=2))
    await work(harness_at_nine)
    assert len(await to_ada(harness_at_nine)) == 1


async def test_can_be_taken_over_with_a_button(harness_at_nine: AppHarness) -> None:
    """Another member can take over the digest with a button."""
    await harness_at_nine.ada.command("/emporix disconnect")
    await harness_at_nine.ada.click("Disconnect")
    await harness_at_nine.worker.work_until(NINE + 2 * DAY + 60, step=1800)
    grace = harness_at_nine.person("grace", "ops")
    await harness_at_nine.connect(grace, ACME_READ_ONLY)
    await grace.click("Take over")
    harness_at_nine.clock.now = NINE + 3 * DAY
    await harness_at_nine.worker.work()
    first, second, digest = await texts(harness_at_nine)
    assert "is paused: its owner disconnected the tenant" in first
    assert "is still paused" in second
    assert digest.startswith("No jobs since yesterday")


async def test_a_working_day_resets_the_count_of_failures(harness_at_nine: AppHarness) -> None:
    """Failures on non-consecutive days don't pause a digest."""
    for day, works in enumerate((False, False, True, False, False)):
        harness_at_nine.clock.now = NINE + day * DAY
        fault = EmporixFault("status", times=999, status=403)
        if not works:
            harness_at_nine.emporix_state.faults.add(fault)
        await work(harness_at_nine)
        harness_at_nine.emporix_state.faults.clear()
    digest = await stored(harness_at_nine)
    assert (digest.paused, len(digest.failed_dates)) == ("", 2)


async def test_waits_where_emporix_is_down(harness_at_nine: AppHarness) -> None:
    """While Emporix is down a digest waits, up to six hours, and then says that it is late."""
    harness_at_nine.emporix_state.faults.add(EmporixFault("status", times=10_000, status=503))
    await harness_at_nine.worker.work_until(NINE + 3600, step=60)
    assert await in_channel(harness_at_nine) == []
    harness_at_nine.emporix_state.faults.clear()
    await harness_at_nine.worker.work_until(NINE + 3600 + 660, step=60)
    assert "This digest is late" in str((await in_channel(harness_at_nine))[0]["blocks"])


@pytest.mark.parametrize(
    "fault",
    [
        Fault("cut_before", times=10_000),
        Fault("status", times=10_000),
        Fault("html", times=10_000),
    ],
    ids=lambda fault: fault.kind,
)
async def test_waits_where_slack_is_down(harness_at_nine: AppHarness, fault: Fault) -> None:
    """While Slack is down a digest waits, and no day is skipped."""
    harness_at_nine.workspace.faults.add(fault)
    await harness_at_nine.worker.work_until(NINE + 1200, step=20)
    harness_at_nine.workspace.faults.clear()
    await harness_at_nine.worker.work_until(NINE + 2400, step=20)
    assert "This digest is late" in str((await in_channel(harness_at_nine))[0]["blocks"])
    assert (await stored(harness_at_nine)).skipped == ()


async def removed(harness: AppHarness) -> None:
    """Remove the app from the channel; Slack's event about it is lost."""
    channels = harness.workspace.directory.channels
    members = channels["C0OPS"].members - {BOT_USER_ID}
    channels["C0OPS"] = replace(channels["C0OPS"], members=members)
    await AudienceCache(harness.redis, harness.cipher, per_minute=50).invalidate("C0OPS")


async def archived(harness: AppHarness) -> None:
    harness.workspace.directory.archive("C0OPS")


async def deleted(harness: AppHarness) -> None:
    del harness.workspace.directory.channels["C0OPS"]


async def shared(harness: AppHarness) -> None:
    await harness.person("ada", "ops").share_channel()


@pytest.mark.parametrize(
    ("happens", "reason"),
    [(removed, "removed"), (archived, "archived"), (deleted, "gone"), (shared, "outsiders")],
)
async def test_pauses_where_it_cannot_be_posted(
    harness_at_nine: AppHarness, happens: Any, reason: str
) -> None:
    """A digest that can't be posted pauses, with one message to its owner."""
    await work(harness_at_nine)
    before = len(harness_at_nine.workspace.messages.of_channel("C0OPS"))
    await happens(harness_at_nine)
    await harness_at_nine.worker.work_until(NINE + 4 * DAY, step=1800)
    assert (await stored(harness_at_nine)).paused == reason
    (told,) = await to_ada(harness_at_nine)
    assert "is paused" in told["text"]
    assert len(harness_at_nine.workspace.messages.of_channel("C0OPS")) == before


async def test_joins_where_it_has_not_posted_yet(harness_at_nine: AppHarness) -> None:
    """If the app was removed before the first digest, it joins the channel once."""
    await removed(harness_at_nine)
    await harness_at_nine.worker.work()
    assert (await texts(harness_at_nine))[0].startswith("❌ 4 of 12 jobs failed")


async def test_asks_for_an_invitation_to_a_private_channel(
    harness_at_nine: AppHarness, snapshot: SnapshotAssertion
) -> None:
    """The message has the exact command to type."""
    directory = harness_at_nine.workspace.directory
    directory.channels["C0OPS"] = replace(directory.channels["C0OPS"], is_private=True)
    await work(harness_at_nine)
    await removed(harness_at_nine)
    await harness_at_nine.worker.work_until(NINE + DAY + 60, step=1800)
    (told,) = await to_ada(harness_at_nine)
    assert "`/invite @Emporix Jobs`" in told["text"]


async def test_pauses_where_its_owner_has_left(
    harness_at_nine: AppHarness, snapshot: SnapshotAssertion
) -> None:
    """If the owner has left, the channel gets the message."""
    harness_at_nine.workspace.directory.deactivate("U0ADA")
    await work(harness_at_nine)
    (said,) = await in_channel(harness_at_nine)
    assert "can take it over" in said["text"]
    assert (await stored(harness_at_nine)).paused == "owner_gone"
    assert not await harness_at_nine.redis.exists(redis_keys.account(Caller(TEAM_ID, "U0ADA")))


CERTAIN = [
    (word, method)
    for word in ("missing_scope", "no_permission", "team_access_not_granted")
    for method in ("chat.postMessage", "conversations.info", "users.info")
] + [
    ("restricted_action", "chat.postMessage"),
    ("restricted_action_read_only_channel", "chat.postMessage"),
]


@pytest.mark.parametrize(("word", "method"), CERTAIN)
async def test_pauses_after_a_refusal_by_slack(
    harness_at_nine: AppHarness, word: str, method: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A refusal by Slack pauses the digest, and its error code is logged and sent to the owner."""
    harness_at_nine.workspace.faults.add(Fault("refuse", times=9999, method=method, error=word))
    await work(harness_at_nine, 300)
    assert (await stored(harness_at_nine)).paused == f"slack:{word}"
    assert f"digest digest-1 is paused: slack:{word}" in caplog.text
    harness_at_nine.workspace.faults.clear()
    await harness_at_nine.worker.work_until(NINE + DAY + 60, step=60)
    assert f"Slack says {word}" in (await in_channel(harness_at_nine))[-1]["text"]


async def test_waits_while_slack_limits_how_many_channels_are_read(
    harness_at_nine: AppHarness, caplog: pytest.LogCaptureFixture
) -> None:
    """A digest waits until its readers are known, and the log has the reason."""
    caplog.set_level("INFO")
    fault = Fault("rate_limit", times=9999, method="conversations.info", retry_after=30)
    harness_at_nine.workspace.faults.add(fault)
    await work(harness_at_nine)
    assert await in_channel(harness_at_nine) == []
    assert "digests.post is postponed: " in caplog.text
    assert "rate limit for reading channels" in caplog.text
    harness_at_nine.workspace.faults.clear()
    await work(harness_at_nine, 600)
    assert (await texts(harness_at_nine))[0].startswith("❌ 4 of 12 jobs failed")


async def test_channels_are_read_before_the_digests_are_due(harness_at_nine: AppHarness) -> None:
    """Channels are read before digests are due, once per channel."""
    harness_at_nine.clock.now = NINE - 60
    await set_up(harness_at_nine.person("ada", "ops"), name="Other", quiet="quiet", chart=[])
    await work(harness_at_nine, 59)
    audiences = AudienceCache(harness_at_nine.redis, harness_at_nine.cipher, per_minute=50)
    assert await audiences.missing(["C0OPS"]) == []
    fault = Fault("status", times=9999, method="conversations.info")
    harness_at_nine.workspace.faults.add(fault)
    await work(harness_at_nine)
    tops = [one for one in await in_channel(harness_at_nine) if not one["thread_ts"]]
    assert len(tops) == 2


async def test_a_channel_that_was_shared_a_moment_ago_gets_nothing(
    harness_at_nine: AppHarness,
) -> None:
    """A channel whose audience changed after it was read gets no post."""
    harness_at_nine.clock.now = NINE - 60
    await work(harness_at_nine, 50)
    await shared(harness_at_nine)
    await work(harness_at_nine)
    assert await in_channel(harness_at_nine) == []
    assert (await stored(harness_at_nine)).paused == "outsiders"


async def test_notifies_the_owner_of_the_second_missed_run(
    harness_at_nine: AppHarness, caplog: pytest.LogCaptureFixture
) -> None:
    """Each missed run is logged; the owner gets one message until a digest is posted again."""
    harness_at_nine.emporix_state.faults.add(EmporixFault("status", times=10**6, status=503))
    for day in range(3):
        await harness_at_nine.worker.work_until(NINE + day * DAY + 7 * 3600, step=300)
        assert f"was not posted in time: run 2026-11-{24 + day}" in caplog.text
        assert len(await to_ada(harness_at_nine)) == min(day, 1)
    (told,) = await to_ada(harness_at_nine)
    assert "wasn't posted in time" in told["text"]
    harness_at_nine.emporix_state.faults.clear()
    await harness_at_nine.worker.work_until(NINE + 3 * DAY + 700, step=60)
    assert (await stored(harness_at_nine)).missed_runs == 0


async def test_a_requested_digest_expires(harness_at_nine: AppHarness) -> None:
    """A requested digest expires after 15 minutes, and its requester gets a message."""
    await work(harness_at_nine)
    harness_at_nine.emporix_state.faults.add(EmporixFault("status", times=10**6, status=503))
    await harness_at_nine.person("ada", "ops").command("/emporix digest now")
    await harness_at_nine.worker.work_until(harness_at_nine.clock() + 1800, step=30)
    (told,) = await to_ada(harness_at_nine)
    assert "wasn't posted in time" in told["text"]


async def test_post_now_does_not_wait_for_a_run_that_was_put_off(
    harness_at_nine: AppHarness,
) -> None:
    """A task that waits for ten minutes does not keep the new request waiting: it comes within
    seconds, and one message answers both.
    """
    harness_at_nine.emporix_state.faults.add(EmporixFault("status", times=10**6, status=503))
    await harness_at_nine.worker.work_until(NINE + 3690, step=30)
    harness_at_nine.emporix_state.faults.clear()
    (waiting,) = harness_at_nine.worker.waiting
    assert waiting.at - harness_at_nine.clock() > 60
    await harness_at_nine.person("ada", "ops").command("/emporix digest now")
    await work(harness_at_nine, 5)
    tops = [one for one in await in_channel(harness_at_nine) if not one["thread_ts"]]
    assert len(tops) == 1
    await work(harness_at_nine, 900)
    tops = [one for one in await in_channel(harness_at_nine) if not one["thread_ts"]]
    assert len(tops) == 1
    assert (await stored(harness_at_nine)).requested_at == 0


async def test_an_undecryptable_digest_is_retried_hourly(
    harness_at_nine: AppHarness, caplog: pytest.LogCaptureFixture
) -> None:
    """An unreadable digest is logged, and posted once its key is back."""
    redis, key = harness_at_nine.redis, redis_keys.digest("digest-1")
    record = await redis.hget(key, "record")
    await redis.hset(key, "record", "1.deadbeef.AAAA")
    await work(harness_at_nine, 3500)
    told = [line for line in caplog.messages if "cannot be decrypted" in line]
    assert told == ["digest digest-1 cannot be decrypted and is tried again in an hour"]
    await redis.hset(key, "record", record)
    await harness_at_nine.worker.work_until(NINE + 2 * 3600, step=10)
    assert (await texts(harness_at_nine))[0].startswith("❌ 4 of 12 jobs failed")


@pytest.mark.parametrize(
    "fault",
    [
        Fault("rate_limit", times=3, method="chat.postMessage", retry_after=2),
        Fault("status", times=3, method="chat.postMessage"),
        Fault("html", times=3, method="chat.postMessage"),
        Fault("cut_before", times=3, method="chat.postMessage"),
        Fault("cut_after", times=2, method="chat.postMessage"),
        Fault("status_after", times=2, method="chat.postMessage"),
    ],
    ids=lambda fault: f"{fault.kind} {fault.method}",
)
async def test_is_posted_once_whatever_slack_says(
    harness_at_nine: AppHarness, fault: Fault
) -> None:
    """Digest and thread are posted once, whether Slack fails before or after posting."""
    harness_at_nine.workspace.faults.add(fault)
    await work(harness_at_nine, 120)
    tops = [one for one in await in_channel(harness_at_nine) if not one["thread_ts"]]
    replies = [one for one in await in_channel(harness_at_nine) if one["thread_ts"]]
    assert (len(tops), len(replies)) == (1, 1)


async def test_is_not_posted_again_without_the_history_scope(
    harness_at_nine: AppHarness, snapshot: SnapshotAssertion
) -> None:
    """Without the history scope the outcome stays unknown, and the owner gets a message."""
    scopes = harness_at_nine.workspace.bot_scopes - {"channels:history"}
    harness_at_nine.workspace.bot_scopes = scopes
    harness_at_nine.workspace.faults.add(Fault("cut_before", method="chat.postMessage"))
    await work(harness_at_nine, 120)
    assert await in_channel(harness_at_nine) == []
    (told,) = await to_ada(harness_at_nine)
    assert told["blocks"] == snapshot
    assert (await stored(harness_at_nine)).posted_on == "2026-11-24"


async def test_a_run_that_was_settled_elsewhere_does_nothing(harness_at_nine: AppHarness) -> None:
    """A task that runs twice posts one digest."""
    before = await stored(harness_at_nine)
    await work(harness_at_nine)
    store = DigestStore(harness_at_nine.redis, harness_at_nine.cipher)
    after = await stored(harness_at_nine)
    await store.save(replace(before, version=after.version), after)
    await work(harness_at_nine)
    tops = [one for one in await in_channel(harness_at_nine) if not one["thread_ts"]]
    assert len(tops) == 1
    assert (await stored(harness_at_nine)).posted_on == "2026-11-24"


async def test_a_forged_digest_is_not_run(
    harness_at_nine: AppHarness, caplog: pytest.LogCaptureFixture
) -> None:
    """A forged digest in the index is logged, and the others are posted."""
    redis = harness_at_nine.redis
    record = await redis.hgetall(redis_keys.digest("digest-1"))
    await redis.hset(redis_keys.digest("forged-1"), mapping=record)
    clear = asdict(replace(await stored(harness_at_nine), channel_id="C0GENERAL"))
    await redis.hset(redis_keys.digest("forged-2"), "record", json.dumps(clear))
    await redis.zadd(redis_keys.digests_due(), {"forged-1": NINE - 9, "forged-2": NINE - 8})
    await work(harness_at_nine)
    tops = [one for one in await in_channel(harness_at_nine) if not one["thread_ts"]]
    assert len(tops) == 1
    assert await in_channel(harness_at_nine, "general") == []
    assert "could not read a stored digest" in caplog.text


class BrokenReports:
    """Reports that raise an unexpected error."""

    async def read(self, *_: object) -> None:
        raise ValueError("unforeseen")


async def test_a_failure_that_does_not_pass_is_left_out(harness_at_nine: AppHarness) -> None:
    """After repeated errors a run is skipped, and the next day it is tried again."""
    runner = harness_at_nine.worker._parts.runner
    services: Any = runner._services
    runner._services = replace(services, digest_reports=BrokenReports())
    await work(harness_at_nine, 400)
    after = await stored(harness_at_nine)
    assert after.skipped == ("2026-11-24",)
    runner._services = services
    harness_at_nine.clock.now = NINE + DAY
    await work(harness_at_nine)
    assert "24 November" in str((await in_channel(harness_at_nine))[0]["blocks"])


async def test_shows_agents_by_their_names(harness_at_nine: AppHarness) -> None:
    """A digest waits longer for agent names than a command."""
    harness_at_nine.emporix_state.add_agent(
        "acme", id="complaint-agent", name={"en": "Complaint Agent"}
    )
    harness_at_nine.emporix_state.faults.add(
        EmporixFault("delay", path="/agentic/agents", seconds=0.5)
    )
    await harness_at_nine.worker.work()
    assert "— Complaint Agent" in str((await in_channel(harness_at_nine))[0]["blocks"])


async def test_a_group_opens_all_its_jobs(harness_at_nine: AppHarness) -> None:
    """After opening a group of failures, Next shows the next job with the same cause."""
    await harness_at_nine.worker.work()
    ada = harness_at_nine.person("ada", "ops")
    opened, following = await ada.click("Open"), await ada.click("Next ›")
    failures = {job_id(number) for number in range(12) if STATUSES[number % 3] == "failure"}
    views = [str(exchange.view["blocks"]) for exchange in (opened, following) if exchange.view]
    first, second = (re.search(r"Job `?([0-9a-f]{24})", view) for view in views)
    assert first
    assert second
    assert first[1] != second[1]
    assert {first[1], second[1]} <= failures


@pytest.mark.parametrize("status", [0, 403, 500])
async def test_causes_show_the_error_of_the_log(harness_at_nine: AppHarness, status: int) -> None:
    """Each of the first three causes has a line of its newest job's log, if it can be read."""
    faults, add = harness_at_nine.emporix_state.faults, harness_at_nine.emporix_state.add_job
    if status:
        faults.add(EmporixFault("status", status=status, path="/logs/", times=99))
    harness_at_nine.clock.now = NINE - 60
    words = (
        "Order EON{} could not be found.",
        "Tool timed out {}",
        "quota exceeded {}",
        "Other {}",
    )
    for number, message in enumerate(word.format(count) for word in words for count in (1, 2)):
        add("acme", status="failure", message=message, requestId=f"req-{number}")
    harness_at_nine.clock.now = NINE
    await harness_at_nine.worker.work()
    top, thread = await in_channel(harness_at_nine)
    logs = [seen for seen in harness_at_nine.emporix_state.requests if "/logs/" in seen.path]
    assert json.dumps(top["blocks"]).count('"Log: ') == (0 if status else 3)
    assert '"Log: ' not in json.dumps(thread["blocks"])
    assert len({seen.query for seen in logs}) == 3


async def test_lists_unclaimed_failures_of_alerts(harness_at_nine: AppHarness) -> None:
    """A digest links to the failures in its channel and tenant that no one has claimed."""
    harness, ada = harness_at_nine, harness_at_nine.person("ada", "ops")
    harness.clock.now = NINE - 600
    await ada.command("/emporix alerts on")
    harness.emporix_state.add_job("acme", id="new", status="failure", message="No such order.")
    await work(harness, 120)
    harness.clock.now = NINE
    await harness.worker.work()
    alert, digest = [
        message for message in await ada.messages() if message["text"].startswith("❌")
    ][:2]
    link = f"https://slack.com/archives/C0OPS/p{alert['ts'].replace('.', '')}"
    assert f"<{link}|Show message>" in str(digest["blocks"])
    assert "*1 message with failures that no one has claimed*" in str(digest["blocks"])
    await ada.click("I'm on it")
    harness.clock.now = NINE + DAY
    await harness.worker.work()
    assert "no one has claimed" not in str((await in_channel(harness))[-1]["blocks"])
