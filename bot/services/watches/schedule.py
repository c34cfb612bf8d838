"""When watched jobs are looked at, and which of them are over: pure functions of a given time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from bot.delays import EMPORIX_LONGEST, bounded
from bot.emporix.models import Job
from bot.errors import EmporixError
from bot.services.jobs_by_id import FoundJobs
from bot.store.watches import Watch
from bot.times import parse_time

RUNNING = "in_progress"

FIRST_PAUSE, LONGEST_PAUSE = 5.0, 120.0  # seconds between two looks
"""Seconds for which Emporix is left alone at most, whatever it says."""

GIVES_UP_AFTER = 24 * 60 * 60.0

Outcome = Literal["ended", "gone", "given_up"]


@dataclass(frozen=True, slots=True)
class Ending:
    """A watch that is over."""

    watch: Watch
    outcome: Outcome


def pause(watched: float) -> float:
    """Seconds until the next look at a job that has been watched for so long: each pause is half as
    long again as the one before.
    """
    return min(LONGEST_PAUSE, max(FIRST_PAUSE, watched / 2))


def wait(error: EmporixError) -> float:
    """Seconds for which Emporix is left alone after it has failed."""
    return bounded(error.retry_after or 0.0, least=LONGEST_PAUSE / 2, most=EMPORIX_LONGEST)


def shortest_pause(watches: Iterable[Watch], endings: Iterable[Ending], now: float) -> float:
    """Until the next look at those of a source that are still running; the youngest decides."""
    over = {ending.watch.id for ending in endings}
    pauses = [pause(now - watch.since) for watch in watches if watch.id not in over]
    return min(pauses, default=LONGEST_PAUSE)


def endings_of(watches: Iterable[Watch], found: FoundJobs, now: float) -> Iterable[Ending]:
    """The watches that are over, by what was found; what nothing is known of goes on."""
    for watch in watches:
        job = found.there.get(watch.job_id)
        if job and job.status != RUNNING:
            yield Ending(watch, "ended")
        elif watch.job_id in found.gone:
            yield Ending(watch, "gone")
        elif now - watch.since >= GIVES_UP_AFTER:
            yield Ending(watch, "given_up")


def duration(job: Job) -> float | None:
    """Seconds from a job's creation to its last change; None where either is not known."""
    created, modified = parse_time(job.created_at), parse_time(job.modified_at)
    return max(0.0, (modified - created).total_seconds()) if created and modified else None
