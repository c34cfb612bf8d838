"""Polling for alerts: all changes since the last poll are found, whatever changes meanwhile."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.accounts import Caller, Connection, Credentials, PolledConnection
from bot.domain.alerts import Alert
from bot.domain.conditions import Condition, Watermark
from bot.domain.filters import Filters
from bot.domain.jobs import Job, JobPage
from bot.emporix.query import TimeRange
from bot.errors import RateLimited, Unauthorized
from bot.services.agents import MAX_PAGES_PER_QUERY, FetchedJobs
from bot.services.alerts.poll import (
    PollResult,
    advance,
    backoff_seconds,
    count_unfetched,
    fetch_changes,
)
from bot.store import keys as redis_keys
from sandbox.emporix.times import iso
from tests.harness.clock import FakeClock
from tests.harness.polling import OTHER_CIPHER, PollingHarness
from tests.store.fixtures import ADA

HELD = Connection(Caller("T", "U"), "acme", Credentials("id", "secret"), frozenset(), 0.0)
START = 1_795_430_000.0


@dataclass
class FakeCalls:
    """Lists jobs by their last change; `meanwhile` is called after each page."""

    jobs: list[Job]
    meanwhile: Callable[[], None] = lambda: None
    asked: list[TimeRange] = field(default_factory=list)

    async def list_jobs(self, connection: Connection, filters: Filters, part: TimeRange) -> JobPage:
        self.asked.append(part)
        bounded = TimeRange() if filters.raw_q else part
        fit = [
            job
            for job in sorted(self.jobs, key=lambda job: job.modified_at, reverse=True)
            if bounded.since <= job.modified_at <= (bounded.until or "9")
        ]
        begin, end = (filters.page - 1) * filters.size, filters.page * filters.size
        page = JobPage(tuple(fit[begin:end]), filters.page, filters.size, len(fit), len(fit) > end)
        self.meanwhile()
        return page


async def read(calls: FakeCalls, *asked: Any, **limits: Any) -> FetchedJobs:
    return await fetch_changes(cast("Any", calls), *asked, **limits)


def job(number: int, at: float) -> Job:
    return Job(id=f"job-{number}", modified_at=iso(at))


async def test_reads_page_after_page() -> None:
    """Each page begins where the one before it ended."""
    calls = FakeCalls([job(number, START + number) for number in range(130)])
    fetched = await read(calls, HELD, Filters(), START)
    assert (len(fetched.jobs), fetched.whole, fetched.total) == (130, True, 130)
    assert len(calls.asked) == 3
    assert [one.id for one in fetched.jobs[:2]] == ["job-129", "job-128"]


async def test_changes_while_reading_shift_nothing() -> None:
    """If a job moves to the top between two pages, no other job is missed."""
    jobs = [job(number, START + number) for number in range(130)]
    calls = FakeCalls(jobs)
    calls.meanwhile = lambda: jobs.__setitem__(129, job(129, START + 1000))
    fetched = await read(calls, HELD, Filters(), START)
    assert {one.id for one in fetched.jobs} == {f"job-{number}" for number in range(130)}


async def test_reads_a_limited_number_of_pages() -> None:
    """Changes beyond the last page are only counted."""
    calls = FakeCalls([job(number, START + number) for number in range(1000)])
    fetched = await read(calls, HELD, Filters(), START)
    assert (fetched.whole, fetched.total, len(calls.asked)) == (False, 1000, MAX_PAGES_PER_QUERY)
    assert fetched.oldest == START + 1000 - len(fetched.jobs)


@pytest.mark.parametrize(("before", "same"), [(0, 80), (0, 150), (30, 50), (10, 120), (40, 100)])
async def test_reads_more_than_a_page_of_one_time(before: int, same: int) -> None:
    """More than a page of jobs that changed at the same time are all read, and the older ones."""
    newer = [job(number, START + number) for number in range(1, before + 1)]
    at_once = [job(1_000 + number, START) for number in range(same)]
    calls = FakeCalls([*newer, *at_once, job(9_000, START - 5)])
    fetched = await read(calls, HELD, Filters(), START - 10)
    assert (len(fetched.jobs), fetched.whole) == (before + same + 1, True)


async def test_counts_jobs_of_one_time_that_it_cannot_read() -> None:
    """If there are too many jobs of one time, the others are counted, and nothing stalls."""
    jobs = [job(number, START) for number in range(450)]
    calls = FakeCalls(jobs)
    fetched = await read(calls, HELD, Filters(), START - 10)
    news, mark = advance(Watermark(START - 10), fetched)
    assert len(news) + (count_unfetched(Watermark(START - 10), fetched) or 0) == 450
    jobs.append(job(9_000, START + 1))
    again = await read(calls, HELD, Filters(), mark.begin)
    assert [one.id for one in advance(mark, again)[0]] == ["job-9000"]


async def test_a_job_that_is_hidden_by_a_shifted_page_is_counted() -> None:
    """If a job changes again while jobs of the same time are read, none is missed silently."""
    jobs = [job(number, START) for number in range(120)]
    calls = FakeCalls(jobs)
    calls.meanwhile = lambda: jobs.__setitem__(0, job(0, START + 100))
    fetched = await read(calls, HELD, Filters(), START - 10)
    assert len(fetched.jobs) < 120
    assert not fetched.whole


async def test_one_page_of_a_raw_query_is_read() -> None:
    """The last job of the page shows whether it reaches back far enough."""
    calls = FakeCalls([job(number, START + number) for number in range(80)])
    query = Filters(raw_q="status:FAILURE")
    assert (await read(calls, HELD, query, START + 40)).whole
    assert not (await read(calls, HELD, query, START)).whole
    assert len(calls.asked) == 2


async def test_times_of_jobs_are_formatted_again() -> None:
    """Python accepts any character between date and time, so the text of a job never gets into a
    query.
    """
    odd = [Job(id=f"job-{number}", modified_at='2026-11-23"10:00:00') for number in range(130)]
    calls = FakeCalls(odd)
    await read(calls, HELD, Filters(), 0.0)
    assert all('"' not in part.since + part.until + part.before for part in calls.asked)
    assert {part.until for part in calls.asked} <= {"", "2026-11-23T10:00:00.000Z"}


ADAS = PolledConnection(ADA, "acme")
DAY = 86_400.0


@pytest.fixture
async def harness(redis: Any, clock: FakeClock) -> PollingHarness:
    """Ada has turned on alerts in #ops."""
    harness = PollingHarness(redis, clock)
    await harness.alerts.turn_on(await harness.account(), "C0OPS", Filters())
    return harness


async def poll(harness: PollingHarness, *, refused: bool = False) -> PollResult:
    harness.clock.forward(60)  # at most two queries a minute
    harness.emporix.error = Unauthorized() if refused else None
    looked: PollResult = await harness.poller.poll(ADAS)
    return looked


async def due_in(harness: PollingHarness) -> float:
    return float(await harness.redis.zscore(redis_keys.alerts_due(), ADAS.name)) - harness.clock()


async def test_three_refusals_in_a_row_are_reported(harness: PollingHarness) -> None:
    """The first two refusals may be temporary."""
    said = [(await poll(harness, refused=True)).connection_error for _ in range(3)]
    assert said == ["", "", "unauthorized"]


async def test_a_successful_poll_resets_the_refusals(harness: PollingHarness) -> None:
    """After two refusals, a success and two refusals, the alerts are still on."""
    said = [
        (await poll(harness, refused=refused)).connection_error
        for refused in (True, True, False, True, True)
    ]
    assert said == [""] * 5


async def test_refusals_of_paused_alerts_are_deleted(harness: PollingHarness) -> None:
    """Redis keeps nothing about a connection that is not used any more."""
    for _ in range(3):
        await poll(harness, refused=True)
    await harness.lifecycle.pause_all(ADAS, "unauthorized")
    await poll(harness)
    assert await harness.redis.hlen(redis_keys.alerts_failures()) == 0


async def test_a_worker_without_the_key_forgets_nothing(
    harness: PollingHarness, redis: Any
) -> None:
    """Records that a worker cannot decrypt are polled again within a minute, by another worker."""
    other = PollingHarness(redis, harness.clock, OTHER_CIPHER)
    assert await other.poller.poll(ADAS) == PollResult()
    assert await due_in(harness) <= 60
    assert other.emporix.calls == 0


async def test_reports_paused_alerts_that_need_a_notice(harness: PollingHarness) -> None:
    """A notice is due at once and 24 hours later, and at no other time."""
    (alert,) = await harness.alert_store.of_channel(ADA.team_id, "C0OPS")
    await harness.lifecycle.pause(alert.id, "filters")
    for has_notice in [(alert.id,), (alert.id,), ()]:
        assert (await poll(harness)).notices_due == has_notice
        await harness.lifecycle.record_notice(await harness.alert_store.load(alert.id))
        harness.clock.forward(DAY - 121)
        assert (await poll(harness)).notices_due == ()
        assert 0 < await due_in(harness) <= 900


async def test_does_not_poll_for_paused_alerts(harness: PollingHarness) -> None:
    """A paused alert causes no calls to Emporix."""
    await harness.lifecycle.pause_all(ADAS, "filters")
    before = harness.emporix.calls
    await poll(harness)
    assert harness.emporix.calls == before


async def test_finds_changes_that_emporix_shows_late(harness: PollingHarness) -> None:
    """A change that becomes visible 170 seconds after it happened is reported."""
    old, late = harness.clock() + 200, harness.clock() + 30
    harness.clock.forward(200)
    harness.emporix.jobs["job-1"] = Job(id="job-1", status="failure", modified_at=iso(old))
    await poll(harness)
    (alert,) = await harness.alert_store.of_channel(ADA.team_id, "C0OPS")
    await harness.lifecycle.mark_posted(alert, ())
    harness.emporix.jobs["job-2"] = Job(id="job-2", status="failure", modified_at=iso(late))
    await poll(harness)
    (alert,) = await harness.alert_store.of_channel(ADA.team_id, "C0OPS")
    assert alert.batch
    assert [change.job_id for change in alert.batch.changes] == ["job-2"]


async def test_the_pause_after_refusals_is_limited(harness: PollingHarness) -> None:
    """The pause is limited for any number of refusals."""
    await harness.redis.hset(redis_keys.alerts_failures(), ADAS.name, 5_000)
    await poll(harness, refused=True)
    assert await due_in(harness) <= 900


async def turn_on(harness: PollingHarness, word: str, condition: Condition) -> Alert:
    """An alert that needs a query of its own, because it searches for a word."""
    account = await harness.account()
    turned_on = await harness.alerts.turn_on(account, "C0OPS", Filters(words=(word,)), condition)
    return cast("Alert", turned_on.alert)


@pytest.mark.parametrize("condition", [Condition(), Condition(stuck=1800.0)], ids=["new", "stuck"])
async def test_a_time_from_before_the_clock_was_set_back_comes_first(
    harness: PollingHarness, condition: Condition
) -> None:
    """A question with a time in the future counts as the oldest, after the first for changes."""
    harness.clock.forward(600)  # the harness's own alert is the first
    now, alerts = harness.clock(), [await turn_on(harness, word, condition) for word in "abc"]
    for alert, ago in zip(alerts, (300.0, 400.0, -10_000.0), strict=True):
        before = replace(alert.progress, asked_at=now - ago)
        old = partial(replace, polled_at=now - ago, progress=before)
        await harness.lifecycle.update(alert.id, old)
    await harness.poller.poll(ADAS)
    found = [await harness.alert_store.load(alert.id) for alert in alerts]
    times = [one.progress.asked_at if condition.kind else one.polled_at for one in found]
    assert times == [now - 300, now - 400, now]


@given(st.floats() | st.none())
def test_backoff_is_limited(asked: float | None) -> None:
    """Whatever a Retry-After says, the pause is between 50 seconds and a quarter of an hour."""
    error = RateLimited()
    error.retry_after = asked
    seconds = backoff_seconds(error, [], 1_000.0)
    assert 50 <= seconds <= 900
    assert not math.isnan(seconds)
