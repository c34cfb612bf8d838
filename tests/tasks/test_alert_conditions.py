"""Alerts with conditions: stuck jobs, bursts and silence are posted once; recoveries update."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from operator import add
from typing import Any, cast
from urllib.parse import unquote
from zoneinfo import ZoneInfo

import pytest
from syrupy.assertion import SnapshotAssertion

from bot.domain.accounts import PolledConnection
from bot.domain.alerts import Alert
from bot.domain.conditions import Condition, ConditionReport, Progress, RunningJob, Silence
from bot.services.alerts.conditions import ConditionChecks, known_weeks
from bot.store.alerts import AlertStore
from sandbox.emporix.faults import Fault as EmporixFault
from sandbox.emporix.times import iso
from sandbox.slack.directory import BOT_USER_ID
from sandbox.slack.faults import Fault
from tests.harness.app import AppHarness
from tests.store.fixtures import ADA
from tests.tasks.test_alerts import MINUTE, TIMED_OUT, fail, later, shown

HOUR, DAY = 3_600.0, 86_400.0


def run(harness: AppHarness, job_id: str, ago: float = 0.0, **more: Any) -> None:
    """Add a job that has been running since `ago` seconds."""
    at = iso(harness.clock() - ago)
    metadata = {"version": 1, "createdAt": at, "modifiedAt": at}
    fail(harness, job_id, status="in_progress", metadata=metadata, **more)


def end(harness: AppHarness, job_id: str, status: str = "success") -> None:
    """End a running job now."""
    jobs = harness.emporix_state.tenant("acme").jobs
    job = jobs.get(job_id)
    assert job
    metadata = job["metadata"] | {"version": 2, "modifiedAt": iso(harness.clock())}
    jobs.put({**job, "status": status, "metadata": metadata})


async def turn_on(harness: AppHarness, filters: str) -> dict[str, Any]:
    """Turn on an alert in #ops; returns the announcement."""
    exchange = await harness.person("ada", "ops").command(f"/emporix alerts on {filters}")
    return dict(exchange.payloads[-1])


async def the_alert(harness: AppHarness) -> Alert:
    store = AlertStore(harness.redis, harness.cipher)
    (alert,) = await store.of_connection(PolledConnection(ADA, "acme"))
    return alert


async def posted(harness: AppHarness) -> list[dict[str, Any]]:
    """The app's messages in #ops, except announcements and threads."""
    messages = await harness.person("ada", "ops").messages()
    return [
        message
        for message in messages
        if message["user"] == BOT_USER_ID
        and message["text"][:1] in "⏳❌🔕"
        and not message["thread_ts"]
    ]


def blocks(message: dict[str, Any]) -> str:
    return str(message["blocks"])


async def test_posts_stuck_jobs_once_and_shows_their_end(
    connected: AppHarness, snapshot: SnapshotAssertion
) -> None:
    """Jobs that run longer are posted once; when they end, the message says so."""
    await turn_on(connected, "stuck:30m")
    run(connected, "slow")
    run(connected, "quick")
    await later(connected, 10 * MINUTE)
    end(connected, "quick")
    assert await posted(connected) == []
    run(connected, "other", ago=60 * MINUTE, agentId="fraud-agent")
    await later(connected, 25 * MINUTE)
    other, slow = await posted(connected)
    assert "1 job has been running for more than 30 min" in other["text"]
    assert shown(other, slow) == snapshot
    end(connected, "slow", "failure")
    end(connected, "other")
    await later(connected, 5 * MINUTE)
    other, slow = await posted(connected)
    assert "Ended: complaint-agent failed" in blocks(slow)
    assert "Ended: fraud-agent succeeded" in blocks(other)
    await later(connected, 60 * MINUTE)
    assert len(await posted(connected)) == 2
    assert (await the_alert(connected)).progress.running == ()


async def test_a_stuck_job_that_was_deleted_has_ended(connected: AppHarness) -> None:
    """The message says that the job was deleted."""
    await turn_on(connected, "stuck:30m agent:complaint-agent")
    run(connected, "a", ago=HOUR)
    run(connected, "b", ago=HOUR)
    run(connected, "c", ago=HOUR, agentId="other")
    await later(connected)
    connected.emporix_state.tenant("acme").jobs.remove("a")
    await later(connected, 5 * MINUTE)
    (message,) = await posted(connected)
    assert "2 jobs have" in message["text"]
    assert "Ended: the job of complaint-agent was deleted" in blocks(message)
    connected.emporix_state.tenant("acme").jobs.remove("b")
    await later(connected, 5 * MINUTE)
    (message,) = await posted(connected)
    assert blocks(message).count("was deleted") == 2


async def test_a_burst_is_posted_once(connected: AppHarness) -> None:
    """Four failures are not posted; the fifth posts them all, and more do not post again."""
    await turn_on(connected, "at-least:5 within:10m")
    for number in range(4):
        fail(connected, f"a{number}")
        await later(connected)
    assert await posted(connected) == []
    fail(connected, "a4")
    await later(connected)
    (message,) = await posted(connected)
    assert "At least 5 jobs failed" in message["text"]
    assert "More failures of the same burst aren't counted" in blocks(message)
    for _ in range(3):
        fail(connected)
        await later(connected)
    assert len(await posted(connected)) == 1
    for _ in range(6):
        fail(connected)
        await later(connected, 11 * MINUTE)
    assert len(await posted(connected)) == 1
    messages = await connected.person("ada", "ops").messages()
    threads = [one for one in messages if one["thread_ts"]]
    assert len(threads) == 1  # the other four


def work_hours(harness: AppHarness, days: int = 29) -> None:
    """Let a job run in each half hour of the last days."""
    now = harness.clock()
    for step in range(int(days * DAY / 1_800)):
        at = iso(now - 1_800 * step - 1)
        metadata = {"version": 1, "createdAt": at, "modifiedAt": at}
        fail(harness, f"past-{step}", status="success", metadata=metadata)


async def test_posts_a_silence_once_and_shows_its_end(
    connected: AppHarness, snapshot: SnapshotAssertion
) -> None:
    """Two hours without a job are posted once; the next job updates the message."""
    work_hours(connected)
    fail(connected, "no-time", metadata=None)
    announced = await turn_on(connected, "silent:2h")
    assert "reported only if jobs usually run then" in str(announced)
    await later(connected, 119 * MINUTE)
    assert await posted(connected) == []
    await later(connected, 15 * MINUTE)
    (message,) = await posted(connected)
    assert "4 of the last 4 weeks had jobs at this time" in blocks(message)
    assert shown(message) == snapshot
    await later(connected, 30 * MINUTE)
    fail(connected, status="success")
    await later(connected, 10 * MINUTE)
    (message,) = await posted(connected)
    assert "Jobs are running again" in blocks(message)


async def test_a_silence_is_not_known_in_the_first_two_weeks(connected: AppHarness) -> None:
    """The announcement and the list say from when on silences are compared."""
    announced = await turn_on(connected, "silent:1h between:00-24")
    assert "Off until jobs have run for two weeks" in str(announced)
    work_hours(connected, days=13)
    await later(connected, 3 * HOUR)
    assert await posted(connected) == []
    listed = await connected.person("ada", "ops").command("/emporix alerts")
    assert "when two weeks are known" in str(listed.payloads)


async def test_shows_in_the_message_that_an_agent_recovered(connected: AppHarness) -> None:
    """When the agent succeeds again, the message says when, until it fails again."""
    await turn_on(connected, "")
    fail(connected, "a")
    fail(connected, "b", TIMED_OUT, agentId="fraud-agent")
    await later(connected)
    fail(connected, status="success", agentId="other-agent")
    await later(connected, 3 * MINUTE)
    (message,) = await posted(connected)
    assert "recovered" not in blocks(message)
    fail(connected, status="success")
    await later(connected, 3 * MINUTE)
    (message,) = await posted(connected)
    assert "✅ complaint-agent recovered" in blocks(message)
    assert "fraud-agent recovered" not in blocks(message)
    fail(connected, "c")
    await later(connected, 3 * MINUTE)
    (message,) = await posted(connected)
    assert "recovered" not in blocks(message)
    fail(connected, status="success")
    await later(connected, 3 * MINUTE)
    await connected.person("ada", "ops").click("I'm on it")
    (message,) = await posted(connected)
    assert "✅ complaint-agent recovered" in blocks(message)


async def test_many_successes_of_one_agent_hide_no_recovery_of_another(
    connected: AppHarness,
) -> None:
    """If an agent has many successes since it failed, another one's success is still found."""
    await turn_on(connected, "")
    fail(connected, "a", agentId="busy")
    fail(connected, "b", TIMED_OUT, agentId="rare")
    await later(connected)
    fail(connected, status="success", agentId="rare")
    for _ in range(260):
        connected.clock.forward(0.01)
        fail(connected, status="success", agentId="busy")
    await later(connected, 5 * MINUTE)
    (message,) = await posted(connected)
    assert "busy recovered" in blocks(message)
    assert "rare recovered" in blocks(message)


async def test_makes_two_queries_a_minute_for_all_alerts(connected: AppHarness) -> None:
    """All alerts on a connection make at most two queries in any minute, and miss nothing."""
    work_hours(connected, days=1)
    for filters in (
        "",
        "agent:fraud-agent",
        "status:skipped",
        "stuck:30m",
        "stuck:1h agent:fraud-agent",
        "at-least:2 within:5m type:export",
        "silent:1h",
    ):
        await turn_on(connected, filters)
    await connected.person("ada", "general").command("/emporix alerts on refund")
    await later(connected, 10 * MINUTE)
    connected.emporix_state.requests.clear()
    times = list[float]()
    for minute in range(12):
        fail(connected, f"plain-{minute}", agentId=f"agent-{minute % 3}")
        run(connected, f"stuck-{minute}", ago=2 * HOUR)
        for _ in range(12):
            before = queries(connected)
            await connected.worker.work()
            times += [connected.clock()] * (queries(connected) - before)
            connected.clock.forward(5)
    in_a_minute = [sum(at <= one < at + 60 for one in times) for at in times]
    assert max(in_a_minute) <= 2
    assert len(times) >= 20
    texts = str(await connected.person("ada", "ops").messages())
    assert all(f"plain-{minute}" in texts or minute > 9 for minute in range(12))


@pytest.mark.parametrize("other", ["", "agent:agent-1", "at-least:2 within:10m"])
async def test_many_changes_of_one_alert_hide_none_of_another(
    connected: AppHarness, other: str
) -> None:
    """If there are too many changes for the common query, each alert still finds its own."""
    await turn_on(connected, other)
    await turn_on(connected, "status:skipped")
    await later(connected)
    fail(connected, "the-skipped-one", status="skipped")
    for number in range(450):
        connected.clock.forward(0.1)
        fail(connected, f"failed-{number}", agentId=f"agent-{number % 3}")
    await later(connected, 5 * MINUTE)
    assert "the-skipped-one" in str(await connected.person("ada", "ops").messages())


def run_many(harness: AppHarness, count: int) -> None:
    """Add jobs that have been running for two minutes and more, each for a second longer."""
    for number in range(count):
        run(harness, f"young-{number}", ago=2 * MINUTE + number)


@pytest.mark.parametrize("count", [60, 230, 450])
async def test_many_stuck_jobs_of_one_alert_hide_none_of_another(
    connected: AppHarness, count: int
) -> None:
    """If there are too many running jobs for the common query, each alert still finds its own."""
    await turn_on(connected, "stuck:1m")
    await turn_on(connected, "stuck:30m agent:x")
    await turn_on(connected, "stuck:30m")
    run_many(connected, count)
    run(connected, "old", ago=HOUR, agentId="x")
    await later(connected, 5 * MINUTE)
    texts = [one["text"] for one in await posted(connected)]
    assert sum("more than 30 min in acme: x" in text for text in texts) == 2
    end(connected, "old")
    await later(connected, 5 * MINUTE)
    assert sum("Ended: x" in blocks(one) for one in await posted(connected)) >= 2


async def test_a_message_says_if_there_are_too_many_stuck_jobs_to_read(
    connected: AppHarness,
) -> None:
    """Of more running jobs than an alert reads, the message gives the number, and each is posted
    once when it can be read.
    """
    await turn_on(connected, "stuck:1m")
    run_many(connected, 230)
    await later(connected)
    (message,) = await posted(connected)
    assert "197 jobs have been running" in message["text"]
    assert "33 older jobs have also been running for this long" in blocks(message)
    for number in range(60):
        end(connected, f"young-{number}")
    await later(connected, 5 * MINUTE)
    _, second = await posted(connected)
    assert "33 jobs have been running" in second["text"]
    assert "older jobs have also" not in blocks(second)


@pytest.mark.parametrize("left", [{"slow"}, set[str]()], ids=["one runs", "all ended"])
@pytest.mark.parametrize("why", ["mute", "archive", "rate limit"])
async def test_a_stuck_job_that_ends_before_its_report_is_posted_is_left_out(
    connected: AppHarness, why: str, left: set[str]
) -> None:
    """A report that had to wait is posted only about jobs that are still running."""
    ada, channels = connected.person("ada", "ops"), connected.workspace.directory.channels
    ops = channels["C0OPS"]
    await turn_on(connected, "stuck:30m")
    for job_id in ("slow", "ended", "deleted"):
        run(connected, job_id, ago=HOUR)
    if why == "archive":
        channels["C0OPS"] = replace(ops, is_archived=True)
    else:
        fault = Fault("rate_limit", method="chat.postMessage", retry_after=600)
        connected.workspace.faults.add(fault)
    await later(connected, 55)
    assert (await the_alert(connected)).progress.reports
    await ada.command("/emporix alerts mute 1h") if why == "mute" else None
    for job_id in {"slow", "ended"} - left:
        end(connected, job_id)
    connected.emporix_state.tenant("acme").jobs.remove("deleted")
    assert await posted(connected) == []
    await later(connected, 62 * MINUTE)
    if why == "archive":
        channels["C0OPS"] = ops
        await turn_on(connected, "stuck:30m")
        await later(connected, 5 * MINUTE)
    texts = [one["text"].split(" in acme")[0] for one in await posted(connected)]
    assert texts == ["⏳ 1 job has been running for more than 30 min"] * len(left)
    end(connected, "slow") if left else None
    await later(connected, 5 * MINUTE)
    ends = [blocks(one).count("Ended: ") for one in await posted(connected)]
    assert ends == [1] * len(left)
    assert (await the_alert(connected)).progress.running == ()


@pytest.mark.parametrize("resumes", [False, True])
@pytest.mark.parametrize("why", ["worker", "emporix", "mute"])
async def test_a_silence_is_reported_after_the_hours_if_it_was_compared_late(
    connected: AppHarness, why: str, resumes: bool
) -> None:
    """A silence is posted once although it could be looked for only after its hours, with its end
    if jobs run again.
    """
    work_hours(connected)
    now = datetime.fromtimestamp(connected.clock(), ZoneInfo("Europe/Berlin"))
    hours = f"{now:%H:%M}-{now + timedelta(hours=3):%H:%M}"
    await turn_on(connected, f"silent:2h between:{hours}")
    await later(connected, 20 * MINUTE)
    if why == "emporix":
        connected.emporix_state.faults.add(EmporixFault("status", times=999, status=503))
        await later(connected, 10 * MINUTE)
    if why == "mute":
        await connected.person("ada", "ops").command("/emporix alerts mute 5h")
    connected.clock.forward(5 * HOUR)
    if resumes:
        fail(connected, status="success")
        connected.clock.forward(MINUTE)
    assert await posted(connected) == []
    connected.emporix_state.faults.clear()
    await later(connected, 40 * MINUTE)
    (message,) = await posted(connected)
    assert message["text"].startswith("🔕 No jobs in acme <!date^")
    assert ("^until" in message["text"] or "until" in message["text"]) == resumes
    assert ("Jobs are running again" in blocks(message)) == resumes


async def test_a_silence_that_was_not_looked_for_is_reported(
    connected: AppHarness, snapshot: SnapshotAssertion
) -> None:
    """After more than a day without a query, a message says from when to when, once."""
    work_hours(connected)
    await turn_on(connected, "silent:2h")
    await later(connected, 20 * MINUTE)
    connected.clock.forward(3 * DAY)
    fail(connected, status="success")
    connected.clock.forward(MINUTE)
    await later(connected, 30 * MINUTE)
    (message,) = await posted(connected)
    assert shown(message) == snapshot
    await later(connected, 30 * MINUTE)
    assert len(await posted(connected)) == 1


def queries(harness: AppHarness) -> int:
    """The number of queries for changes and conditions, without those that load jobs to post."""
    return sum(
        seen.path.endswith(("/jobs", "/jobs/search")) and "q=id:" not in unquote(seen.query)
        for seen in harness.emporix_state.requests
    )


FAULTS = [
    Fault("rate_limit", method="chat.postMessage", retry_after=20),
    Fault("status", method="chat.postMessage"),
    Fault("status_after", method="chat.postMessage"),
    Fault("cut_before", method="chat.postMessage"),
    Fault("cut_after", method="chat.postMessage"),
    Fault("rate_limit", times=2, method="chat.update", retry_after=20),
    Fault("status_after", times=2, method="chat.update"),
    Fault("cut_after", times=2, method="chat.update"),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault.kind} {fault.method}")
async def test_reports_once_despite_faults_of_slack(connected: AppHarness, fault: Fault) -> None:
    """Whatever Slack answers, a stuck job is posted once, and its end is shown."""
    await turn_on(connected, "stuck:30m")
    run(connected, "slow", ago=HOUR)
    connected.workspace.faults.add(fault)
    await later(connected, 5 * MINUTE)
    end(connected, "slow")
    await later(connected, 10 * MINUTE)
    (message,) = await posted(connected)
    assert "Ended: complaint-agent succeeded" in blocks(message)
    assert len(connected.workspace.faults) == 0


@pytest.mark.parametrize("filters", ["stuck:30m", "silent:2h", "at-least:2 within:10m"])
async def test_reports_once_if_the_worker_dies_before_it_saves(
    connected: AppHarness, filters: str
) -> None:
    """A worker that dies after its post, before it saves that, does not post again."""
    work_hours(connected) if "silent" in filters else None
    await turn_on(connected, filters)
    run(connected, "slow", ago=HOUR) if "stuck" in filters else None
    if "at-least" in filters:
        fail(connected)
        fail(connected)
    waits = 150 * MINUTE if "silent" in filters else 0.0
    store = AlertStore(connected.redis, connected.cipher)
    for _ in range(60):
        before = await the_alert(connected)
        await connected.worker.work()
        if await posted(connected):
            break
        connected.clock.forward(max(5.0, waits / 30))
    now = await the_alert(connected)
    undone = replace(before, version=now.version)
    found = replace(undone, batch=before.batch, progress=before.progress)
    assert await store.save(found, now)
    await later(connected, 5 * MINUTE)
    assert len(await posted(connected)) == 1


async def test_a_job_that_ends_after_an_unsaved_report_is_shown_as_ended(
    connected: AppHarness,
) -> None:
    """If a worker dies after its post and the job ends before the retry, the message says so."""
    await turn_on(connected, "stuck:30m")
    run(connected, "slow", ago=HOUR)
    store = AlertStore(connected.redis, connected.cipher)
    await later(connected)
    now = await the_alert(connected)
    (job,) = now.progress.running
    report = ConditionReport(job.number, connected.clock(), ("slow",))
    unsaved = replace(now.progress, running=(replace(job, ts=""),), reports=(report,))
    assert await store.save(replace(now, progress=unsaved), now)
    end(connected, "slow")
    await later(connected, 5 * MINUTE)
    (message,) = await posted(connected)
    assert "Ended: complaint-agent succeeded" in blocks(message)


@pytest.mark.parametrize("seconds", [-2 * HOUR, 30 * DAY])
async def test_a_changed_clock_reports_nothing_twice(connected: AppHarness, seconds: float) -> None:
    """A stuck job is posted once although the clock was changed, and its end is shown."""
    await turn_on(connected, "stuck:30m")
    run(connected, "slow", ago=HOUR)
    await later(connected, 2 * MINUTE)
    connected.clock.forward(seconds)
    await connected.worker.work()
    source = PolledConnection(ADA, "acme")
    await AlertStore(connected.redis, connected.cipher).connections.schedule(
        source, connected.clock()
    )
    await later(connected, 5 * MINUTE)
    (message,) = await posted(connected)
    assert "Ended" not in blocks(message)
    end(connected, "slow")
    connected.clock.forward(2 * HOUR)
    await later(connected, 5 * MINUTE)
    (message,) = await posted(connected)
    assert "Ended" in blocks(message)


async def test_a_muted_condition_is_reported_afterwards(connected: AppHarness) -> None:
    """While an alert is muted, nothing is asked; a job that is still stuck is posted then."""
    await turn_on(connected, "stuck:30m")
    await connected.person("ada", "ops").command("/emporix alerts mute 1h")
    run(connected, "slow", ago=HOUR)
    await later(connected, 50 * MINUTE)
    assert await posted(connected) == []
    await later(connected, 12 * MINUTE)
    assert len(await posted(connected)) == 1


async def test_an_unconfirmed_report_is_not_repeated_and_its_owner_is_told(
    connected: AppHarness,
) -> None:
    """If Slack confirms neither the message nor its absence, the owner learns it, once."""
    await turn_on(connected, "stuck:30m")
    run(connected, "slow", ago=HOUR)
    connected.workspace.faults.add(Fault("status_after", method="chat.postMessage"))
    connected.workspace.faults.add(
        Fault("refuse", times=20, method="conversations.history", error="missing_scope")
    )
    await later(connected, 15 * MINUTE)
    assert len(await posted(connected)) <= 1
    messages = await connected.person("ada", "dm").messages()
    assert sum("may not have been posted" in str(one) for one in messages) == 1


async def test_questions_about_stuck_jobs_take_turns(connected: AppHarness) -> None:
    """Looking up jobs one by one doesn't hold up other questions, and no report waits for two."""
    await turn_on(connected, "stuck:30m")
    alert, now = await the_alert(connected), connected.clock()
    store = AlertStore(connected.redis, connected.cipher)
    ended = RunningJob("a", now, number=1, ts="1.0", missing=2)
    lost = replace(alert, progress=Progress(running=(ended,), asked_at=now))
    for seconds, first in ((60, "_look_up"), (120, "_ask_for_running")):
        checks = ConditionChecks(cast("Any", None), store, partial(add, now, seconds))
        questions = sorted(await checks.questions([lost]), key=lambda one: one.asked_at)
        assert cast("Any", questions[0].ask).func.__name__ == first
    waiting = replace(alert, progress=Progress().with_report(ConditionReport(1, now, ("a",))))
    assert await checks.questions([waiting]) == []


def test_weeks_are_local() -> None:
    """The periods that a silence is compared with keep their local times."""
    zone = ZoneInfo("Europe/Berlin")
    noon = datetime(2026, 11, 2, 12, tzinfo=zone).timestamp()  # summer time ended on 25 October
    condition = Condition(silent=2 * HOUR, begin=8 * 60, end=20 * 60, zone="Europe/Berlin")
    silence = replace(Silence(), first_at=noon - 60 * DAY, until=noon)
    weeks = known_weeks(condition, silence)
    assert [datetime.fromtimestamp(end_, zone).hour for _, end_ in weeks] == [12] * 4
    assert {end_ - begin for begin, end_ in weeks} == {2 * HOUR}
    assert len(known_weeks(condition, replace(silence, first_at=noon - 15 * DAY))) == 2
