"""When watched jobs are looked at, and when a watch is over."""

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
    """From 5 s to 2 min, and never faster than before."""
    earlier, later = sorted((one, other))
    assert (
        MIN_WATCH_INTERVAL_SECONDS
        <= watch_interval(earlier)
        <= watch_interval(later)
        <= MAX_WATCH_INTERVAL_SECONDS
    )


def test_a_day_takes_few_looks() -> None:
    """Some 730 looks at a job that runs for a day; one that ends soon is seen to end soon."""
    age, looks = 0.0, 0
    while age < MAX_WATCH_SECONDS:
        age, looks = age + watch_interval(age), looks + 1
    assert looks < 750
    assert watch_interval(20) == 10


def test_the_youngest_decides() -> None:
    """What was begun just now is looked at soon, beside what runs for hours; all by one query."""
    old, young = watch("old", 9_000), watch("young", 12)
    assert next_interval([old, young], [], NOW) == watch_interval(12)
    ended = list(ended_watches([young], JobLookup({}, frozenset({"young"})), NOW))
    assert next_interval([old, young], ended, NOW) == MAX_WATCH_INTERVAL_SECONDS


def test_tells_what_is_over() -> None:
    """Ended, deleted, or watched for a day; what nothing is known of goes on."""
    watches = [watch("a"), watch("b"), watch("c"), watch("d"), watch("e", MAX_WATCH_SECONDS)]
    there = {"a": RUNNING, "b": Job(status="success"), "e": RUNNING}
    assert outcomes(watches, JobLookup(there, frozenset({"c"}))) == {
        "b": "ended",
        "c": "gone",
        "e": "given_up",
    }


def test_a_new_status_is_an_end() -> None:
    """Emporix adds statuses without notice; only one of them means that a job runs."""
    assert outcomes([watch("a")], JobLookup({"a": Job(status="cancelled")}, frozenset())) == {
        "a": "ended"
    }


def test_waits_as_long_as_emporix_says() -> None:
    """A minute, or what a 429 asks for."""
    limited = RateLimited()
    limited.retry_after = 300.0
    assert (
        backoff_seconds(EmporixFailed()),
        backoff_seconds(limited),
        backoff_seconds(RateLimited()),
    ) == (60, 300, 60)


@pytest.mark.parametrize("seconds", [31_536_000.0, math.inf, math.nan])
def test_no_wait_is_endless(seconds: float) -> None:
    """Nobody stops watching for a year because of one odd response."""
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
def test_says_how_long_a_job_took(created: str, modified: str, seconds: float | None) -> None:
    """From its creation to its last change; nothing where that is not known."""
    assert job_duration(Job(created_at=created, modified_at=modified)) == seconds


ADAS = PolledConnection(ADA, "acme")


@pytest.fixture
async def harness(redis: Any, clock: FakeClock) -> PollingHarness:
    """Ada watches a job."""
    harness = PollingHarness(redis, clock)
    await harness.watches.start(await harness.account(), "job-1", "acme")
    return harness


async def look(harness: PollingHarness, *, refused: bool) -> str:
    """Why nothing can be watched there any more; empty while it can."""
    harness.emporix.error = Unauthorized() if refused else None
    return str((await harness.watches.poll(ADAS)).connection_error)


async def test_three_refusals_in_a_row_are_believed(harness: PollingHarness) -> None:
    """The first two may be a hiccup of Emporix."""
    assert [await look(harness, refused=True) for _ in range(3)] == ["", "", "unauthorized"]


async def test_refusals_with_a_good_look_between_are_not(harness: PollingHarness) -> None:
    """Two refusals, a good look, two refusals: the job stays watched."""
    said = [await look(harness, refused=refused) for refused in (True, True, False, True, True)]
    assert said == [""] * 5


async def test_a_worker_without_the_key_forgets_nothing(
    harness: PollingHarness, redis: Any
) -> None:
    """What it cannot open is looked at again within two minutes, for another worker can."""
    await PollingHarness(redis, harness.clock, OTHER_CIPHER).watches.poll(ADAS)
    due = await redis.zscore(redis_keys.watches_due(), ADAS.name)
    assert due <= harness.clock() + 120


async def test_leaves_nothing_of_what_is_over(harness: PollingHarness, redis: Any) -> None:
    """With the last watch of a tenant its entry goes, and its refusals; other tenants stay."""
    await harness.watches.start(await harness.account(), "job-2", "globex")
    await look(harness, refused=True)
    await harness.watches.stop(ADA, "acme", "job-1")
    await look(harness, refused=False)
    assert await redis.zrange(redis_keys.watches_due(), 0, -1) == [
        PolledConnection(ADA, "globex").name
    ]
    assert await redis.hlen(redis_keys.watches_failures()) == 0


async def test_adds_what_is_missing(harness: PollingHarness, redis: Any) -> None:
    """Each tenant with a watch is due again after its entry was lost."""
    await harness.watches.start(await harness.account(), "job-2", "globex")
    await redis.hset(redis_keys.watches_failures(), ADAS.name, 1)
    await redis.delete(redis_keys.watches_due())
    assert await harness.watch_store.connections.due.reconcile(harness.clock()) == 2
    assert await redis.zcard(redis_keys.watches_due()) == 2
    assert await harness.watch_store.connections.due.reconcile(harness.clock()) == 0


@given(st.floats() | st.none())
def test_emporix_is_left_alone_for_a_bounded_time(asked: float | None) -> None:
    """Whatever a Retry-After says: from one minute to a quarter of an hour."""
    error = RateLimited()
    error.retry_after = asked
    seconds = backoff_seconds(error)
    assert 60 <= seconds <= 900
    assert not math.isnan(seconds)
