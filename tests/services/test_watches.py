"""When watched jobs are looked at, and when a watch is over."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.accounts import Caller, PolledConnection
from bot.domain.watches import Watch
from bot.emporix.models import Job
from bot.errors import EmporixFailed, RateLimited, Unauthorized
from bot.services.alerts.poll import wait as alert_wait
from bot.services.jobs import FoundJobs
from bot.services.watches import (
    FIRST_PAUSE,
    GIVES_UP_AFTER,
    LONGEST_PAUSE,
    duration,
    endings_of,
    pause,
    shortest_pause,
    wait,
)
from bot.store import keys as redis_keys
from tests.harness.clock import FakeClock
from tests.harness.polling import OTHER_VAULT, Bench

NOW = 1_795_430_000.0
ADA = Caller("T0ACME", "U0ADA")
RUNNING = Job(id="a", status="in_progress")

ages = st.floats(min_value=0, max_value=10 * GIVES_UP_AFTER, allow_nan=False)


def watch(job_id: str, age: float = 0.0) -> Watch:
    return Watch(f"watch-of-{job_id}", ADA, "acme", job_id, NOW - age)


def outcomes(watches: list[Watch], found: FoundJobs) -> dict[str, str]:
    return {ending.watch.job_id: ending.outcome for ending in endings_of(watches, found, NOW)}


@given(ages, ages)
def test_backs_off(one: float, other: float) -> None:
    """From 5 s to 2 min, and never faster than before."""
    earlier, later = sorted((one, other))
    assert FIRST_PAUSE <= pause(earlier) <= pause(later) <= LONGEST_PAUSE


def test_a_day_takes_few_looks() -> None:
    """Some 730 looks at a job that runs for a day; one that ends soon is seen to end soon."""
    age, looks = 0.0, 0
    while age < GIVES_UP_AFTER:
        age, looks = age + pause(age), looks + 1
    assert looks < 750
    assert pause(20) == 10


def test_the_youngest_decides() -> None:
    """What was begun just now is looked at soon, beside what runs for hours; all by one query."""
    old, young = watch("old", 9_000), watch("young", 12)
    assert shortest_pause([old, young], [], NOW) == pause(12)
    ended = list(endings_of([young], FoundJobs({}, frozenset({"young"})), NOW))
    assert shortest_pause([old, young], ended, NOW) == LONGEST_PAUSE


def test_tells_what_is_over() -> None:
    """Ended, deleted, or watched for a day; what nothing is known of goes on."""
    watches = [watch("a"), watch("b"), watch("c"), watch("d"), watch("e", GIVES_UP_AFTER)]
    there = {"a": RUNNING, "b": Job(status="success"), "e": RUNNING}
    assert outcomes(watches, FoundJobs(there, frozenset({"c"}))) == {
        "b": "ended",
        "c": "gone",
        "e": "given_up",
    }


def test_a_new_status_is_an_end() -> None:
    """Emporix adds statuses without notice; only one of them means that a job runs."""
    assert outcomes([watch("a")], FoundJobs({"a": Job(status="cancelled")}, frozenset())) == {
        "a": "ended"
    }


def test_waits_as_long_as_emporix_says() -> None:
    """A minute, or what a 429 asks for."""
    limited = RateLimited()
    limited.retry_after = 300.0
    assert (wait(EmporixFailed()), wait(limited), wait(RateLimited())) == (60, 300, 60)


@pytest.mark.parametrize("seconds", [31_536_000.0, math.inf, math.nan])
def test_no_wait_is_endless(seconds: float) -> None:
    """Nobody stops watching for a year because of one odd response."""
    limited = RateLimited()
    limited.retry_after = seconds
    assert wait(limited) <= 900
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
    assert duration(Job(created_at=created, modified_at=modified)) == seconds


ADAS = PolledConnection(ADA, "acme")


@pytest.fixture
async def bench(redis: Any, clock: FakeClock) -> Bench:
    """Ada watches a job."""
    bench = Bench(redis, clock)
    await bench.watching.start(await bench.account(), "job-1", "acme")
    return bench


async def look(bench: Bench, *, refused: bool) -> str:
    """Why nothing can be watched there any more; empty while it can."""
    bench.emporix.error = Unauthorized() if refused else None
    return str((await bench.watching.look(ADAS)).broken)


async def test_three_refusals_in_a_row_are_believed(bench: Bench) -> None:
    """The first two may be a hiccup of Emporix."""
    assert [await look(bench, refused=True) for _ in range(3)] == ["", "", "unauthorized"]


async def test_refusals_with_a_good_look_between_are_not(bench: Bench) -> None:
    """Two refusals, a good look, two refusals: the job stays watched."""
    said = [await look(bench, refused=refused) for refused in (True, True, False, True, True)]
    assert said == [""] * 5


async def test_a_worker_without_the_key_forgets_nothing(bench: Bench, redis: Any) -> None:
    """What it cannot open is looked at again within two minutes, for another worker can."""
    await Bench(redis, bench.clock, OTHER_VAULT).watching.look(ADAS)
    due = await redis.zscore(redis_keys.watches_due(), ADAS.name)
    assert due <= bench.clock() + 120


async def test_leaves_nothing_of_what_is_over(bench: Bench, redis: Any) -> None:
    """With the last watch of a tenant its entry goes, and its refusals; other tenants stay."""
    await bench.watching.start(await bench.account(), "job-2", "globex")
    await look(bench, refused=True)
    await bench.watching.stop(ADA, "acme", "job-1")
    await look(bench, refused=False)
    assert await redis.zrange(redis_keys.watches_due(), 0, -1) == [
        PolledConnection(ADA, "globex").name
    ]
    assert await redis.hlen(redis_keys.watches_failures()) == 0


async def test_adds_what_is_missing(bench: Bench, redis: Any) -> None:
    """Each tenant with a watch is due again after its entry was lost."""
    await bench.watching.start(await bench.account(), "job-2", "globex")
    await redis.hset(redis_keys.watches_failures(), ADAS.name, 1)
    await redis.delete(redis_keys.watches_due())
    assert await bench.watch_store.sources.due.reconcile(bench.clock()) == 2
    assert await redis.zcard(redis_keys.watches_due()) == 2
    assert await bench.watch_store.sources.due.reconcile(bench.clock()) == 0


@given(st.floats() | st.none())
def test_emporix_is_left_alone_for_a_bounded_time(asked: float | None) -> None:
    """Whatever a Retry-After says: from one minute to a quarter of an hour."""
    error = RateLimited()
    error.retry_after = asked
    seconds = wait(error)
    assert 60 <= seconds <= 900
    assert not math.isnan(seconds)
