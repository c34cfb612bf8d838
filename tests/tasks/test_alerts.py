"""Alerts: changes are posted once within a minute, and repeats go to the thread."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from bot.domain.accounts import Caller, PolledConnection
from bot.domain.alerts import Alert
from bot.store import keys as redis_keys
from bot.store.alerts import AlertStore
from sandbox.emporix.faults import Fault as EmporixFault
from sandbox.emporix.keys import ACME_OPERATIONS, ACME_READ_ONLY
from sandbox.slack.directory import BOT_USER_ID, TEAM_ID
from sandbox.slack.faults import Fault
from tests.harness.app import AppHarness
from tests.store.fixtures import ADA

NOT_FOUND = "Agent execution failed: order EON{} could not be found."
TIMED_OUT = "Tool call `get_invoice` timed out after {} s; the customer was not answered."
MINUTE = 60.0


@pytest.fixture
async def harness(connected: AppHarness) -> AppHarness:
    """Ada has turned alerts on in #ops, where one job had failed before."""
    fail(connected, message="Long ago.")
    await connected.person("ada", "ops").command("/emporix alerts on")
    return connected


def fail(
    harness: AppHarness,
    job_id: str = "",
    message: str = NOT_FOUND,
    status: str = "failure",
    **more: Any,
) -> str:
    """Add a job that has just ended; returns its id."""
    number = len(harness.emporix_state.jobs("acme"))
    text = message.format(1000 + number)
    job = harness.emporix_state.add_job(
        "acme", id=job_id or f"job-{number}", status=status, message=text, **more
    )
    return str(job["id"])


async def later(harness: AppHarness, seconds: float = MINUTE) -> None:
    """Let time pass while the worker runs, in small steps in the first and last two minutes."""
    begin, edge = harness.clock(), 2 * MINUTE
    end = begin + seconds
    for until, step in ((begin + edge, 5.0), (end - edge, 30.0), (end, 5.0)):
        await harness.worker.work_until(min(until, end), step=step)


async def posted(harness: AppHarness, channel: str = "ops") -> list[dict[str, Any]]:
    """The messages of alerts in a channel, without the one that they were turned on."""
    messages = await harness.person("ada", channel).messages()
    return [
        message
        for message in messages
        if not message["ephemeral"]
        and message["user"] == BOT_USER_ID
        and (message["thread_ts"] or re.match(r".. ?(Many|[\d,]+) jobs? ", message["text"]))
    ]


def shown(*messages: dict[str, Any]) -> Any:
    """The blocks of messages, with random ids replaced by names."""
    blocks = json.dumps([message["blocks"] for message in messages])
    return json.loads(re.sub(r'("alert_id\\":\\")[0-9a-f]{16}', r"\1the-alert", blocks))


async def told(harness: AppHarness, user: str = "ada") -> list[dict[str, Any]]:
    """The direct messages that the app sent to a user."""
    return list(await harness.person(user, "dm").messages())


def looks(harness: AppHarness) -> int:
    """The number of job queries so far."""
    return sum("/jobs" in seen.path for seen in harness.emporix_state.requests)


async def test_posts_failures_within_a_minute(
    harness: AppHarness, snapshot: SnapshotAssertion
) -> None:
    """A failure is posted with the agent's message and a button; a success is not."""
    await later(harness)
    fail(harness, "a")
    fail(harness, status="success")
    await later(harness)
    (message,) = await posted(harness)
    assert shown(message) == snapshot
    await later(harness, 600)
    assert len(await posted(harness)) == 1


async def test_posts_the_failures_of_a_minute_together(
    harness: AppHarness, snapshot: SnapshotAssertion
) -> None:
    """Different failures are posted in one message, worst first, with the rest in its thread."""
    for number in range(3):
        fail(harness, f"a{number}")
    fail(harness, "b", TIMED_OUT)
    for number in range(6):
        fail(harness, f"c{number}", "another " * (number + 1), agentId=f"agent-{number}")
    await later(harness)
    message, thread = await posted(harness)
    assert thread["thread_ts"] == message["ts"]
    assert shown(message, thread) == snapshot


async def test_folds_repeats_into_the_thread(
    harness: AppHarness, snapshot: SnapshotAssertion
) -> None:
    """The same failure for other orders updates the count of the first message."""
    fail(harness, "a")
    await later(harness)
    fail(harness, "b")
    fail(harness, "c")
    await later(harness)
    fail(harness, "d")
    await later(harness)
    message, *thread = await posted(harness)
    assert message["edited"]
    assert "*4×*" in str(message["blocks"])
    assert [reply["thread_ts"] for reply in thread] == [message["ts"]] * 2
    assert shown(thread[0]) == snapshot


async def test_jobs_can_be_deleted_in_an_alert(harness: AppHarness) -> None:
    """Delete is last in a row, asks with the owner's time, and replaces that row alone."""
    failed = [fail(harness, agentId="a"), fail(harness, message=TIMED_OUT, agentId="b")]
    await later(harness)
    (before,) = await posted(harness)
    rows = [block for block in before["blocks"] if block["block_id"].endswith(".buttons")]
    for row in rows:
        opens, menu, deletes = row["elements"]
        assert [opens["text"]["text"], deletes["text"]["text"]] == ["Open", "Delete"]
        assert menu["type"] == "overflow"
        assert "style" not in deletes
        assert re.search(r", Nov 23, \d+:\d\d AM CET, ", deletes["confirm"]["text"]["text"])
    await harness.person("ada", "ops").click("Delete")
    (after,) = await posted(harness)
    left = {str(job["id"]) for job in harness.emporix_state.jobs("acme")}
    (gone,) = set(failed) - left
    line = next(block for block in after["blocks"] if gone in str(block))
    assert "Deleted by <@U0ADA>" in line["text"]["text"]
    assert rows[1] in after["blocks"]
    assert rows[0] not in after["blocks"]


async def test_a_thread_shows_twenty_and_counts_the_rest(harness: AppHarness) -> None:
    """Many repeats at once are shown in part, with their number."""
    fail(harness, "a")
    await later(harness)
    for number in range(25):
        fail(harness, f"b{number}")
    await later(harness)
    _, thread = await posted(harness)
    title, *_, rest = thread["blocks"]
    assert "25 more jobs failed" in title["text"]["text"]
    assert str(thread["blocks"]).count("jobs.get.open") == 20
    assert rest["elements"][0]["text"] == "5 more jobs aren't shown here."


async def test_a_job_that_fails_again_is_a_repeat(harness: AppHarness) -> None:
    """A job that fails again after another run is a repeat."""
    fail(harness, "a")
    await later(harness)
    fail(harness, "a", status="in_progress")
    await later(harness)
    assert len(await posted(harness)) == 1
    fail(harness, "a", NOT_FOUND)
    await later(harness)
    assert "*2×*" in str((await posted(harness))[0]["blocks"])


async def test_a_repeat_updates_a_message_of_a_deleted_job(harness: AppHarness) -> None:
    """A repeat updates the first message, even if its job has been deleted."""
    fail(harness, "a")
    await later(harness)
    harness.emporix_state.tenant("acme").jobs.remove("a")
    fail(harness, "b")
    await later(harness)
    message, _ = await posted(harness)
    assert "`a` was deleted in the meantime" in str(message["blocks"])


async def test_each_alert_uses_its_own_filters(harness: AppHarness) -> None:
    """Each alert of a channel reports the jobs that match its own filters."""
    ada = harness.person("ada", "ops")
    await ada.command("/emporix alerts on status:skipped agent:fraud-agent")
    fail(harness, status="skipped", agentId="fraud-agent", message="Below the threshold.")
    fail(harness, status="skipped", agentId="other-agent")
    await later(harness)
    (message,) = await posted(harness)
    assert "fraud-agent" in message["text"]


async def test_supports_raw_queries(harness: AppHarness) -> None:
    """An alert with a raw query has no time filter, and still posts each change once."""
    ada = harness.person("ada", "general")
    await ada.command("/emporix alerts on q:status:SKIPPED")
    for _ in range(3):
        fail(harness, status="skipped", message="Nothing to do.")
        await later(harness)
    assert len(await posted(harness, "general")) == 3


async def test_asks_once_for_the_same_filters(harness: AppHarness) -> None:
    """Alerts with equal filters share a call, and a connection is polled every 50 s."""
    for channel in ("general", "ops"):
        await harness.person("ada", channel).command("/emporix alerts on")
    await later(harness, 51)
    before = looks(harness)
    await later(harness, 500)
    assert 9 <= looks(harness) - before <= 10
    fail(harness)
    await later(harness)
    assert [len(await posted(harness, channel)) for channel in ("general", "ops")] == [1, 1]


async def test_sums_up_after_a_long_silence(
    harness: AppHarness, snapshot: SnapshotAssertion
) -> None:
    """After hours without a worker, one message sums up the changes."""
    await later(harness)
    for number in range(120):
        harness.clock.forward(60)
        fail(harness, f"job-of-minute-{number}", (NOT_FOUND, TIMED_OUT)[number % 2])
    await later(harness)
    (message,) = await posted(harness)
    assert shown(message) == snapshot
    listed = await harness.person("ada", "ops").click("Show all")
    assert listed.payloads[0]["text"].startswith("Jobs 1–10 of 121")
    await later(harness, 600)
    assert len(await posted(harness)) == 1


async def test_counts_changes_beyond_the_limit(harness: AppHarness) -> None:
    """If there are too many changes to read, one message has their total number."""
    await later(harness)
    for number in range(700):
        fail(harness, f"flood-{number}")
        harness.clock.forward(0.01)
    await later(harness)
    message, _ = await posted(harness)
    assert "700 jobs failed" in message["text"]
    await later(harness, 600)
    assert len(await posted(harness)) == 2


async def test_is_silent_while_muted(harness: AppHarness) -> None:
    """Changes while an alert is muted are summed up afterwards; later ones are posted again."""
    await harness.person("ada", "ops").command("/emporix alerts mute 1h")
    before = looks(harness)
    for _ in range(30):
        fail(harness)
        await later(harness)
    assert (await posted(harness), looks(harness)) == ([], before)
    await later(harness, 1900)
    (message,) = await posted(harness)
    assert "❌ 30 jobs failed in acme" in message["text"]
    fail(harness, message=TIMED_OUT)
    await later(harness)
    assert len(await posted(harness)) == 2


async def test_reports_a_broken_connection_once(
    harness: AppHarness, snapshot: SnapshotAssertion
) -> None:
    """Owner and channel are notified, and any connected member can take over the alert."""
    await later(harness)
    harness.emporix_state.revoke(ACME_OPERATIONS)
    await later(harness, 1200)
    (message,) = await told(harness)
    assert shown(message) == snapshot(name="to the owner")
    *_, said = await harness.person("ada", "ops").messages()
    assert shown(said) == snapshot(name="to the channel")
    fail(harness)
    grace = harness.person("grace", "ops")
    await harness.connect(grace, ACME_READ_ONLY)
    await grace.click("Take over")
    await later(harness)
    (summed_up,) = await posted(harness)
    assert "❌ 1 job failed in acme" in summed_up["text"]
    _, taken = await told(harness)
    assert "took over" in taken["text"]


async def test_pauses_when_its_owner_disconnects(
    harness: AppHarness, snapshot: SnapshotAssertion
) -> None:
    """A user who disconnects sees the affected channels, which learn how to resume."""
    ada = harness.person("ada", "ops")
    await ada.command("/emporix disconnect")
    exchange = await ada.click("Disconnect")
    assert "Your alerts are paused in <#C0OPS>" in exchange.payloads[0]["text"]
    await later(harness, 5)
    *_, said = await ada.messages()
    assert shown(said) == snapshot
    fail(harness)
    await later(harness, 600)
    assert (await posted(harness), await told(harness)) == ([], [])
    await harness.connect(ada, ACME_OPERATIONS)
    await ada.command("/emporix alerts on")
    await later(harness)
    assert len(await posted(harness)) == 1


@pytest.mark.parametrize("change", ["archived", "removed", "shared"])
async def test_pauses_where_it_may_not_post(harness: AppHarness, change: str) -> None:
    """An alert pauses if its channel is archived, lost or read by other organizations."""
    channels = harness.workspace.directory.channels
    ops = channels["C0OPS"]
    if change == "archived":
        channels["C0OPS"] = replace(ops, is_archived=True)
    elif change == "removed":
        await harness.person("ada", "ops").remove_app()
    else:
        await harness.person("ada", "ops").share_channel()
    fail(harness)
    await later(harness, 600)
    (message,) = await told(harness)
    assert "alerts is paused" in message["text"]
    assert await posted(harness) == []
    channels["C0OPS"] = ops
    await harness.person("ada", "ops").unshare_channel()
    await harness.person("ada", "ops").command("/emporix alerts on")
    await later(harness, 120)
    assert len(await posted(harness)) == 1


async def test_pauses_if_emporix_refuses_its_filters(harness: AppHarness) -> None:
    """Filters that Emporix no longer accepts pause one alert, and the others continue."""
    general = harness.person("ada", "general")
    await general.command("/emporix alerts on q:status:SKIPPED")
    harness.emporix_state.faults.add(EmporixFault("status", status=400, path="/jobs"))
    await later(harness, 120)
    (message,) = await told(harness)
    assert "1 of your alerts is paused" in message["text"]


@pytest.mark.parametrize(
    "fault",
    [
        EmporixFault("status", times=6, status=500),
        EmporixFault("rate_limit", times=1, retry_after=100),
        EmporixFault("html", times=4),
        EmporixFault("cut_before", times=4),
    ],
    ids=lambda fault: fault.kind,
)
async def test_continues_after_an_outage_of_emporix(
    harness: AppHarness, fault: EmporixFault
) -> None:
    """Changes during an outage of Emporix are posted after it; the outage is not."""
    fail(harness)
    harness.emporix_state.faults.add(fault)
    await later(harness, 400)
    assert (len(await posted(harness)), await told(harness)) == (1, [])


async def test_leaves_emporix_alone_as_long_as_it_asks(harness: AppHarness) -> None:
    """A Retry-After of Emporix is respected."""
    harness.emporix_state.faults.add(EmporixFault("rate_limit", times=1, retry_after=300))
    await later(harness, 51)
    before = looks(harness)
    await later(harness, 290)
    assert looks(harness) == before


@pytest.mark.parametrize(
    "fault",
    [
        Fault("status", times=2, method="chat.postMessage"),
        Fault("rate_limit", times=2, method="chat.postMessage", retry_after=20),
        Fault("cut_after", times=1, method="chat.postMessage"),
        Fault("cut_after", times=2, method="chat.postMessage"),
        Fault("cut_before", times=2, method="chat.postMessage"),
        Fault("html", times=2, method="chat.postMessage"),
        Fault("status", times=1, method="chat.update"),
        Fault("cut_after", times=1, method="chat.update"),
    ],
    ids=lambda fault: f"{fault.kind}-{fault.times}-{fault.method}",
)
async def test_posts_once_despite_errors_of_slack(harness: AppHarness, fault: Fault) -> None:
    """A rejected message is retried; one that arrived despite an error is not repeated."""
    fail(harness)
    fail(harness)
    harness.workspace.faults.add(fault)
    await later(harness, 200)
    fail(harness)
    await later(harness, 200)
    messages = await posted(harness)
    assert [bool(message["thread_ts"]) for message in messages] == [False, True, True]


@pytest.mark.parametrize(
    "fault",
    [
        Fault("cut_before", times=10_000),
        Fault("status", times=10_000),
        Fault("html", times=10_000),
    ],
    ids=lambda fault: fault.kind,
)
async def test_waits_where_slack_is_down(harness: AppHarness, fault: Fault) -> None:
    """No alert pauses because of an outage of Slack, however long it is."""
    fail(harness)
    harness.workspace.faults.add(fault)
    await later(harness, 900)
    harness.workspace.faults.clear()
    await later(harness, 60)
    assert (len(await posted(harness)), await told(harness)) == (1, [])


async def test_an_unknown_outcome_is_reported_to_the_owner(harness: AppHarness) -> None:
    """Without access to the history nothing is posted again, and the owner gets a message."""
    harness.workspace.bot_scopes -= {"channels:history"}
    harness.workspace.faults.add(Fault("cut_after", method="chat.postMessage"))
    fail(harness)
    await later(harness, 200)
    assert len(await posted(harness)) == 1
    (message,) = await told(harness)
    assert "may not have been posted" in message["text"]
    fail(harness)
    await later(harness)
    assert len(await posted(harness)) == 2


async def test_a_repeat_detects_that_the_channel_is_gone(harness: AppHarness) -> None:
    """A repeat alone is enough to notice that the channel is gone."""
    fail(harness)
    await later(harness)
    channels = harness.workspace.directory.channels
    ops = channels["C0OPS"]
    channels["C0OPS"] = replace(ops, members=ops.members - {BOT_USER_ID})
    fail(harness)
    await later(harness)
    (message,) = await told(harness)
    assert "1 of your alerts is paused" in message["text"]


async def records(harness: AppHarness) -> dict[str, dict[str, str]]:
    """All records of alerts, without their messages."""
    keys = [
        key async for key in harness.redis.scan_iter(redis_keys.alert("*")) if ":posts" not in key
    ]
    return {key: await harness.redis.hgetall(key) for key in keys}


async def restore(
    harness: AppHarness, before: dict[str, dict[str, str]], unknown: list[str]
) -> None:
    """Restore the records, as if a worker had died before it saved the result of its posts."""
    for key, record in before.items():
        await harness.redis.hset(key, mapping=record)
        await harness.redis.delete(f"{key}:posts")
    for key in unknown:
        await harness.redis.set(key, str(harness.clock() - 1))


async def test_a_worker_that_dies_loses_and_repeats_nothing(harness: AppHarness) -> None:
    """After a worker was killed between post and record, the next one finds the message."""
    fail(harness, "a")
    fail(harness, "b")
    harness.workspace.faults.add(Fault("cut_before", times=1, method="chat.postMessage"))
    await later(harness, 50)
    before = await records(harness)
    await later(harness, 60)
    assert len(await posted(harness)) == 2
    posts = [key async for key in harness.redis.scan_iter("*:post:alert:*")]
    for dead in (posts[:1], posts[1:], posts):
        await restore(harness, before, unknown=dead)
        await later(harness, 120)
        assert len(await posted(harness)) == 2
    fail(harness, "c")
    await later(harness)
    assert "*3×*" in str((await posted(harness))[0]["blocks"])


async def test_keeps_to_one_message_a_second(harness: AppHarness) -> None:
    """Slack's rate limit for a channel includes its threads."""
    harness.workspace.post_limits.by_channel = True
    for number in range(3):
        fail(harness, agentId=f"agent-{number}")
        fail(harness, agentId=f"agent-{number}")
    await later(harness)
    for number in range(3):
        fail(harness, agentId=f"agent-{number}")
    await later(harness)
    assert harness.workspace.post_limits.refused == 0
    assert len(await posted(harness)) == 3


async def a_day_passes(harness: AppHarness) -> None:
    """Skip a day without a worker, then run it."""
    harness.clock.now += 24 * 60 * MINUTE
    await later(harness)


async def test_pauses_where_its_owner_has_left(
    harness: AppHarness, snapshot: SnapshotAssertion
) -> None:
    """After its owner left, the channel gets one message and can resume; missed changes follow."""
    await harness.connect(harness.grace, ACME_OPERATIONS)
    await a_day_passes(harness)
    harness.workspace.directory.deactivate("U0ADA")
    fail(harness, "job-a")
    await later(harness)
    fail(harness, "job-b", TIMED_OUT)
    await later(harness, 5 * MINUTE)
    (said,) = [one for one in await in_ops(harness) if "is paused" in one["text"]]
    assert shown(said) == snapshot
    assert await posted(harness) == []
    assert not await harness.redis.exists(redis_keys.account(Caller(TEAM_ID, "U0ADA")))
    await harness.person("grace", "ops").click("Take over")
    await later(harness, 2 * MINUTE)
    blocks = str([message["blocks"] for message in await posted(harness)])
    assert "job-a" in blocks
    assert "job-b" in blocks


async def test_asks_once_a_day_whether_its_owner_is_there(harness: AppHarness) -> None:
    """The owner is checked once a day, not for each message."""
    await a_day_passes(harness)
    fail(harness, "job-a")
    await later(harness)
    harness.workspace.directory.deactivate("U0ADA")
    fail(harness, "job-b", TIMED_OUT)
    await later(harness)
    assert len(await posted(harness)) == 2
    await a_day_passes(harness)
    fail(harness, "job-c")
    await later(harness)
    assert len(await posted(harness)) == 2


async def in_ops(harness: AppHarness) -> list[dict[str, Any]]:
    return list(await harness.person("grace", "ops").messages())


async def notices(harness: AppHarness) -> list[dict[str, Any]]:
    """The notices about pauses in #ops."""
    return [
        one for one in await in_ops(harness) if re.search(r"An alert for .+ paused\*:", one["text"])
    ]


async def test_a_channel_reads_twice_that_an_alert_is_paused(
    harness: AppHarness, snapshot: SnapshotAssertion
) -> None:
    """The channel gets a notice at once and one after 24 hours, the owner only one."""
    await later(harness)
    harness.emporix_state.revoke(ACME_OPERATIONS)
    await later(harness, 600)
    assert len(await notices(harness)) == 1
    await harness.worker.work_until(harness.clock() + 23 * 3600, step=600)
    assert len(await notices(harness)) == 1
    await harness.worker.work_until(harness.clock() + 2 * 3600, step=600)
    _, second = await notices(harness)
    assert shown(second) == snapshot
    await harness.worker.work_until(harness.clock() + 5 * 24 * 3600, step=3600)
    assert (len(await notices(harness)), len(await told(harness))) == (2, 1)


async def test_no_notice_follows_a_takeover(harness: AppHarness) -> None:
    """A notice isn't repeated after another member took over the alert."""
    await later(harness)
    harness.emporix_state.revoke(ACME_OPERATIONS)
    await later(harness, 600)
    grace = harness.person("grace", "ops")
    await harness.connect(grace, ACME_READ_ONLY)
    await grace.click("Take over")
    await harness.worker.work_until(harness.clock() + 26 * 3600, step=600)
    assert len(await notices(harness)) == 1
    assert "took over" in (await told(harness))[-1]["text"]


async def the_alert(harness: AppHarness) -> Alert:
    (alert,) = await AlertStore(harness.redis, harness.cipher).of_connection(
        PolledConnection(ADA, "acme")
    )
    return alert


async def test_an_unexpected_error_pauses_with_a_word(harness: AppHarness) -> None:
    """After repeated unexpected errors an alert pauses, and channel and owner are notified."""
    await harness.redis.hset(
        redis_keys.alert_posts((await the_alert(harness)).id), "not", "a string"
    )
    fail(harness)
    await later(harness, 600)
    (said,) = await notices(harness)
    assert "an unexpected error occurred" in said["text"]
    assert "1 of your alerts is paused" in (await told(harness))[-1]["text"]


@pytest.mark.parametrize("method", ["users.info", "conversations.info", "chat.postMessage"])
@pytest.mark.parametrize("word", ["missing_scope", "no_permission", "restricted_action"])
async def test_a_permanent_refusal_pauses_with_its_reason(
    harness: AppHarness, caplog: pytest.LogCaptureFixture, method: str, word: str
) -> None:
    """A permanent rejection by Slack pauses the alert within five minutes, with a log line."""
    await a_day_passes(harness)
    fail(harness)
    harness.workspace.faults.add(Fault("refuse", method=method, error=word))
    await later(harness, 300)
    paused = (await the_alert(harness)).paused
    assert paused == ("unknown" if (method, word) == UNKNOWN_READERS else word)
    assert "is paused because it cannot be posted" in caplog.text
    assert len(await notices(harness)) == 1
    assert len(await told(harness)) == 1


UNKNOWN_READERS = ("conversations.info", "missing_scope")


@pytest.mark.parametrize("method", ["users.info", "conversations.info", "chat.postMessage"])
@pytest.mark.parametrize(
    "fault",
    [Fault("rate_limit", times=3, retry_after=20), Fault("status", times=3)],
    ids=lambda fault: fault.kind,
)
async def test_a_temporary_refusal_waits(harness: AppHarness, method: str, fault: Fault) -> None:
    """A temporary error delays the message, and pauses nothing."""
    await a_day_passes(harness)
    fail(harness)
    harness.workspace.faults.add(replace(fault, method=method))
    await later(harness, 300)
    assert (len(await posted(harness)), await notices(harness), await told(harness)) == (1, [], [])


async def test_a_refused_notice_is_posted_a_day_later(
    harness: AppHarness, caplog: pytest.LogCaptureFixture
) -> None:
    """A notice that Slack rejected is posted a day later."""
    await later(harness)
    harness.emporix_state.revoke(ACME_OPERATIONS)
    refusal = Fault("refuse", times=9999, method="chat.postMessage", error="restricted_action")
    harness.workspace.faults.add(refusal)
    await later(harness, 600)
    harness.workspace.faults.clear()
    assert (await notices(harness), await told(harness)) == ([], [])
    assert "was not posted: restricted_action" in caplog.text
    await harness.worker.work_until(harness.clock() + 25 * 3600, step=600)
    (said,) = await notices(harness)
    assert "still paused" in said["text"]


async def test_a_notice_waits_for_the_token(
    harness: AppHarness, caplog: pytest.LogCaptureFixture
) -> None:
    """A rejected bot token is logged as an error; the notices follow when the token works."""
    await later(harness)
    harness.emporix_state.revoke(ACME_OPERATIONS)
    token, harness.workspace.bot_token = harness.workspace.bot_token, "xoxb-new"
    await later(harness, 600)
    assert "scheduled work stops" in caplog.text
    harness.workspace.bot_token = token
    await harness.redis.delete(redis_keys.lease("teams"))  # Redis' own clock stands still
    await later(harness, 300)
    assert (len(await notices(harness)), len(await told(harness))) == (1, 1)


async def test_people_of_other_organisations_read_no_notice(harness: AppHarness) -> None:
    """Only the owner gets the notice, not other organizations: it contains the filters."""
    harness.workspace.directory.share("C0OPS")
    fail(harness)
    await later(harness, 600)
    assert await notices(harness) == []
    assert "people from other organizations" in (await told(harness))[-1]["text"]


async def test_one_unreadable_alert_hides_no_other(harness: AppHarness) -> None:
    """An unreadable alert doesn't stop the other alerts of its connection."""
    source = redis_keys.alerts_of_connection(PolledConnection(ADA, "acme").name)
    await harness.redis.hset(redis_keys.alert("lost"), mapping={"version": 1, "record": "1.dead.x"})
    await harness.redis.sadd(source, "lost")
    await later(harness)
    fail(harness)
    await later(harness)
    assert len(await posted(harness)) == 1


CAUSE = "Log: order-lookup answered 404 Not Found for GET /order/acme/orders/EON"


def log_calls(harness: AppHarness) -> int:
    return sum("/logs/" in seen.path for seen in harness.emporix_state.requests)


async def test_shows_the_error_of_the_log(harness: AppHarness) -> None:
    """A row has the error of its job's log, also after repeats, for one call."""
    fail(harness, "a", requestId="req-a")
    await later(harness)
    (first,) = await posted(harness)
    (log,) = [block for block in first["blocks"] if CAUSE in json.dumps(block)]
    assert log["elements"][0]["type"] == "plain_text"
    fail(harness, "b", requestId="req-b")
    await later(harness)
    updated, thread = await posted(harness)
    assert "*2×*" in str(updated["blocks"])
    assert log["elements"] in [block.get("elements") for block in updated["blocks"]]
    assert "Log:" not in str(thread["blocks"])
    assert log_calls(harness) == 1


async def test_reads_at_most_three_logs_for_a_message(harness: AppHarness) -> None:
    """Of five different failures, three have the error of their logs."""
    for number, text in enumerate((NOT_FOUND, TIMED_OUT, "quota exceeded", "x y z", "ToolX")):
        fail(harness, f"job-{number}", text, agentId=f"agent-{number}", requestId=f"r-{number}")
    await later(harness)
    message, *_ = await posted(harness)
    assert json.dumps(message["blocks"]).count('"Log: ') == 3
    assert log_calls(harness) == 3


LOG_FAULTS = {
    "403": EmporixFault("status", status=403, path="/logs/", times=99),
    "404": EmporixFault("status", status=404, path="/logs/", times=99),
    "500": EmporixFault("status", status=500, path="/logs/", times=99),
    "429": EmporixFault("rate_limit", path="/logs/", times=99),
    "malformed": EmporixFault("truncated", path="/logs/", times=99),
    "cut off": EmporixFault("cut_before", path="/logs/", times=99),
}


@pytest.mark.parametrize("fault", LOG_FAULTS.values(), ids=LOG_FAULTS)
async def test_a_failing_log_leaves_an_alert_as_it_is(
    harness: AppHarness, fault: EmporixFault
) -> None:
    """However reading the log fails, the failure is posted in time, without the line."""
    harness.emporix_state.faults.add(fault)
    fail(harness, "a", requestId="req-a")
    await later(harness)
    (message,) = await posted(harness)
    assert "could not be found" in str(message["blocks"])
    assert "Log:" not in str(message["blocks"])


async def test_a_message_that_is_tried_again_is_the_same(harness: AppHarness) -> None:
    """After a post with an unknown outcome, the repeat shows the same error without a call."""
    harness.workspace.faults.add(Fault("cut_after", method="chat.postMessage"))
    fail(harness, "a", requestId="req-a")
    await later(harness, 3 * MINUTE)
    (message,) = await posted(harness)
    assert CAUSE in str(message["blocks"])
    assert log_calls(harness) == 1
