"""When watched jobs are looked at, and when a watch is over."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.emporix.models import Job
from bot.errors import EmporixFailed, RateLimited
from bot.models import Caller
from bot.services.alerts.looks import wait as alert_wait
from bot.services.jobs_by_id import FoundJobs
from bot.services.watches.schedule import (
    FIRST_PAUSE,
    GIVES_UP_AFTER,
    LONGEST_PAUSE,
    duration,
    endings_of,
    pause,
    shortest_pause,
    wait,
)
from bot.store.watches import Watch

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
