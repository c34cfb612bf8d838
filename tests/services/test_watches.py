"""When watched jobs are polled, and when a watch ends."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.accounts import Caller, PolledConnection
from bot.domain.jobs import Job
from bot.domain.watches import Watch
from bot.errors import EmporixFailed, RateLimited, Unauthorized
from bot.services.alerts.poll import backoff_seconds as alert_wait
from bot.services.jobs import JobLookup
from bot.services.watches import (
    MAX_WATCH_INTERVAL_SECONDS,
    MAX_WATCH_SECONDS,
    MIN_WATCH_INTERVAL_SECONDS,
    backoff_seconds,
    ended_watches,
    job_duration,
    next_interval,
    watch_interval,
)
from bot.store import keys as redis_keys
from tests.harness.clock import FakeClock
from tests.harness.polling import OTHER_CIPHER, PollingHarness

NOW = 1_795_430_000.0
ADA = Caller("T0ACME", "U0ADA")
RUNNING = Job(id="a", status="in_progress")

ages = st.floats(min_value=0, max_value=10 * MAX_WATCH_SECONDS, allow_nan=False)


def watch(job_id: str, age: float = 0.0) -> Watch:
    return Watch(f"watch-of-{job_id}", ADA, "acme", job_id, NOW - age)


def outcomes(watches: list[Watch], found: JobLookup) -> dict[str, str]:
    return {ending.watch.job_id: ending.outcome for ending in ended_watches(watches, found, NOW)}


@given(ages, ages)
def test_backs_off(one: float, other: float) -> None:
    """The interval grows from 5 s to 2 minutes and never shrinks."""
    earlier, later = sorted((one, other))
    assert (
        MIN_WATCH_INTERVAL_SECONDS
        <= watch_interval(earlier)
        <= watch_interval(later)
        <= MAX_WATCH_INTERVAL_SECONDS
    )


def test_a_day_takes_few_polls() -> None:
    """A job that runs for a day takes some 730 polls, and the end of a short one is found soon."""
    age, looks = 0.0, 0
    while age < MAX_WATCH_SECONDS:
        age, looks = age + watch_interval(age), looks + 1
    assert looks < 750
    assert watch_interval(20) == 10


def test_the_youngest_decides() -> None:
    """A new watch is polled soon, in one query with those that have run for hours."""
    old, young = watch("old", 9_000), watch("young", 12)
    assert next_interval([old, young], [], NOW) == watch_interval(12)
    ended = list(ended_watches([young], JobLookup({}, frozenset({"young"})), NOW))
    assert next_interval([old, young], ended, NOW) == MAX_WATCH_INTERVAL_SECONDS


def test_finds_ended_watches() -> None:
    """A watch ends if its job has ended, was deleted or was watched for a day; otherwise it
    continues.
    """
    watches = [watch("a"), watch("b"), watch("c"), watch("d"), watch("e", MAX_WATCH_SECONDS)]
    there = {"a": RUNNING, "b": Job(status="success"), "e": RUNNING}
    assert outcomes(watches, JobLookup(there, frozenset({"c"}))) == {
        "b": "ended",
        "c": "gone",
        "e": "given_up",
    }


def test_a_new_status_is_an_end() -> None:
    """An unknown status ends a watch, as only one status means that a job is running."""
    assert outcomes([watch("a")], JobLookup({"a": Job(status="cancelled")}, frozenset())) == {
        "a": "ended"
    }


def test_waits_as_long_as_emporix_says() -> None:
    """The pause after an error is a minute, or the Retry-After of a 429."""
    limited = RateLimited()
    limited.retry_after = 300.0
    assert (
        backoff_seconds(EmporixFailed()),
        backoff_seconds(limited),
        backoff_seconds(RateLimited()),
    ) == (60, 300, 60)


@pytest.mark.parametrize("seconds", [31_536_000.0, math.inf, math.nan])
def test_pauses_are_limited(seconds: float) -> None:
    """A Retry-After of a year does not stop polling for a year."""
    limited = RateLimited()
    limited.retry_after = seconds
    assert backoff_seconds(limited) <= 900
    assert alert_wait(limited, [], 0.0) <= 900


@pytest.mark.parametrize(
    ("created", "modified", "seconds"),
    [
        ("2026-11-20T10:30:27.167Z", "2026-11-20T10:31:14.667Z", 47.5),
        ("2026-11-20T10:30:27Z", "2026-11-20T10:30:26Z", 0),
        ("", "2026-11-20T10:30:26Z", None),
        ("2026-11-20T10:30:27", "2026-11-20T10:30:28Z", 1.0),
        ("yesterday", "2026-11-20T10:30:26Z", None),
    ],
)
def test_reports_the_duration_of_a_job(created: str, modified: str, seconds: float | None) -> None:
    """The duration is the time from creation to last change; None if either is unknown."""
    assert job_duration(Job(created_at=created, modified_at=modified)) == seconds


ADAS = PolledConnection(ADA, "acme")


@pytest.fixture
async def harness(redis: Any, clock: FakeClock) -> PollingHarness:
    """Ada watches a job."""
    harness = PollingHarness(redis, clock)
    await harness.watches.start(await harness.account(), "job-1", "acme")
    return harness


async def poll(harness: PollingHarness, *, refused: bool) -> str:
    """The error that ends all watches, "" if there is none."""
    harness.emporix.error = Unauthorized() if refused else None
    return str((await harness.watches.poll(ADAS)).connection_error)


async def test_three_refusals_in_a_row_end_the_watches(harness: PollingHarness) -> None:
    """The first two refusals may be temporary."""
    assert [await poll(harness, refused=True) for _ in range(3)] == ["", "", "unauthorized"]


async def test_a_successful_poll_resets_the_refusals(harness: PollingHarness) -> None:
    """After two refusals, a success and two refusals, the job is still watched."""
    said = [await poll(harness, refused=refused) for refused in (True, True, False, True, True)]
    assert said == [""] * 5


async def test_a_worker_without_the_key_forgets_nothing(
    harness: PollingHarness, redis: Any
) -> None:
    """Records that a worker cannot decrypt are polled again within two minutes, by another."""
    await PollingHarness(redis, harness.clock, OTHER_CIPHER).watches.poll(ADAS)
    due = await redis.zscore(redis_keys.watches_due(), ADAS.name)
    assert due <= harness.clock() + 120


async def test_the_last_watch_leaves_nothing_in_redis(harness: PollingHarness, redis: Any) -> None:
    """With the last watch of a tenant, its index entry and refusals are deleted; other tenants
    stay.
    """
    await harness.watches.start(await harness.account(), "job-2", "globex")
    await poll(harness, refused=True)
    await harness.watches.stop(ADA, "acme", "job-1")
    await poll(harness, refused=False)
    assert await redis.zrange(redis_keys.watches_due(), 0, -1) == [
        PolledConnection(ADA, "globex").name
    ]
    assert await redis.hlen(redis_keys.watches_failures()) == 0


async def test_restores_missing_entries(harness: PollingHarness, redis: Any) -> None:
    """Each tenant with a watch is due again after its entry was lost."""
    await harness.watches.start(await harness.account(), "job-2", "globex")
    await redis.hset(redis_keys.watches_failures(), ADAS.name, 1)
    await redis.delete(redis_keys.watches_due())
    assert await harness.watch_store.connections.due.reconcile(harness.clock()) == 2
    assert await redis.zcard(redis_keys.watches_due()) == 2
    assert await harness.watch_store.connections.due.reconcile(harness.clock()) == 0


@given(st.floats() | st.none())
def test_backoff_is_limited(asked: float | None) -> None:
    """Whatever a Retry-After says, the pause is between a minute and a quarter of an hour."""
    error = RateLimited()
    error.retry_after = asked
    seconds = backoff_seconds(error)
    assert 60 <= seconds <= 900
    assert not math.isnan(seconds)
