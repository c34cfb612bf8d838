"""Watermarks of alerts, so that each change of a job is reported once and none is missed.

Emporix may show a change some time after it has happened, so each poll starts a little before the
latest change that was seen, and the changes seen there are stored. Only Emporix's own times count:
our clock may differ.
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
    """Jobs by their last change, the newest first; `whole`: all that there are since `since`.

    `total` is how many there are, None where Emporix did not say.
    """

    jobs: tuple[Job, ...]
    since: float
    whole: bool
    total: int | None

    @property
    def oldest(self) -> float:
        """The time from which on nothing is left out."""
        return self.since if self.whole else min(map(changed_at, self.jobs), default=self.since)


def initial_watermark(fetched: FetchedJobs, now: float) -> Watermark:
    """The mark of an alert that begins now: all that is there already is no news."""
    return advance(
        Watermark(now - WATERMARK_OVERLAP_SECONDS if not fetched.jobs else 0.0), fetched
    )[1]


def advance(mark: Watermark, fetched: FetchedJobs) -> tuple[tuple[Job, ...], Watermark]:
    """The changes that are news, oldest first, and the mark behind them."""
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
    """How many more changes are news than were fetched; None where that is not known."""
    if fetched.oldest <= mark.begin:
        return 0
    if fetched.total is None:
        return None
    known = {job.id for job in fetched.jobs}
    seen = sum(at < fetched.oldest and job_id not in known for job_id, (at, _) in mark.seen.items())
    return max(0, fetched.total - len(fetched.jobs) - seen)


def changed_at(job: Job) -> float:
    """When a job was last changed, in seconds since 1970; 0 where it does not say."""
    moment = parse_time(job.modified_at)
    return moment.timestamp() if moment else 0.0


def _version_of(job: Job) -> tuple[float, str]:
    return changed_at(job), short_hash(f"{job.version}|{job.modified_at}|{job.status}")
