"""Watermarks of alerts, so that each change of a job is reported exactly once.

Emporix may show a change some time after it happened. Therefore each poll starts a little before
the latest change seen, and the changes seen in this overlap are stored. Only Emporix's times are
compared, as the local clock may differ.
"""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.alerts import WATERMARK_OVERLAP_SECONDS, Watermark
from bot.domain.jobs import Job
from bot.domain.times import parse_time
from bot.services.pagination import short_hash

TIME_RESOLUTION_SECONDS = 0.001
"""Emporix writes times to the millisecond."""


@dataclass(frozen=True, slots=True)
class FetchedJobs:
    """Jobs sorted by their last change, newest first; `whole` if none since `since` is missing.

    `total` is None if Emporix returns none.
    """

    jobs: tuple[Job, ...]
    since: float
    whole: bool
    total: int | None

    @property
    def oldest(self) -> float:
        """The time since which the jobs are complete."""
        return self.since if self.whole else min(map(changed_at, self.jobs), default=self.since)


def initial_watermark(fetched: FetchedJobs, now: float) -> Watermark:
    """The watermark of a new alert, which does not report existing jobs."""
    return advance(
        Watermark(now - WATERMARK_OVERLAP_SECONDS if not fetched.jobs else 0.0), fetched
    )[1]


def advance(mark: Watermark, fetched: FetchedJobs) -> tuple[tuple[Job, ...], Watermark]:
    """The changes to report, oldest first, and the watermark after them."""
    jobs = [job for job in fetched.jobs if job.id and changed_at(job) >= mark.begin]
    news = [job for job in jobs if mark.seen.get(job.id) != _version_of(job)]
    reached = max([mark.reached, *map(changed_at, jobs)])
    whole = fetched.oldest <= mark.begin
    floor = mark.floor if whole else fetched.oldest + TIME_RESOLUTION_SECONDS
    after = Watermark(reached, floor)
    seen = {**mark.seen, **{job.id: _version_of(job) for job in jobs}}
    kept = {job_id: fact for job_id, fact in seen.items() if fact[0] >= after.begin}
    return tuple(reversed(news)), Watermark(reached, floor, kept)


def count_unfetched(mark: Watermark, fetched: FetchedJobs) -> int | None:
    """The number of changes to report that were not fetched; None if it is unknown."""
    if fetched.oldest <= mark.begin:
        return 0
    if fetched.total is None:
        return None
    known = {job.id for job in fetched.jobs}
    seen = sum(at < fetched.oldest and job_id not in known for job_id, (at, _) in mark.seen.items())
    return max(0, fetched.total - len(fetched.jobs) - seen)


def changed_at(job: Job) -> float:
    """When a job last changed, in seconds since 1970; 0 if that is unknown."""
    moment = parse_time(job.modified_at)
    return moment.timestamp() if moment else 0.0


def _version_of(job: Job) -> tuple[float, str]:
    return changed_at(job), short_hash(f"{job.version}|{job.modified_at}|{job.status}")
