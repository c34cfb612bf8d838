"""The next jobs of an ordered list from which jobs are deleted meanwhile.

Emporix gives whole pages only: the n-th of pages of one size. When k jobs that were shown are
deleted, all that follow move k places to the front. So a page is asked for that begins some jobs
too early, and what was shown already is dropped from it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from bot.emporix.listing import MAX_PAGE_SIZE
from bot.emporix.models import Job, JobPage
from bot.store.places import Mark, digest

MOST_MORE_CALLS = 3
OVERLAP = 12  # jobs read again: so many can be deleted meanwhile at the price of one call

Fetch = Callable[[int, int], Awaitable[JobPage]]
"""Reads page `number`, from 1, of pages of `size` jobs."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Consecutive jobs, and the mark behind them.

    `left` is how many come after them and `total` how many there are in all, None where Emporix
    did not say.
    """

    jobs: tuple[Job, ...]
    mark: Mark
    left: int | None
    total: int | None
    has_more: bool


async def stretch(fetch: Fetch, mark: Mark, size: int) -> Stretch:
    """The next `size` jobs behind `mark`: in one call, unless a whole page was deleted."""
    number, wide = window(mark, size)
    page = await fetch(number, wide)
    start, jobs = (number - 1) * wide, page.jobs
    for _ in range(MOST_MORE_CALLS):
        if start and _misses(jobs, mark):
            earlier = await fetch(start // wide, wide)
            start, jobs = start - wide, (*earlier.jobs, *jobs)
        elif page.has_more and len(_ahead(jobs, start, mark)) < size:
            page = await fetch(page.page + 1, wide)
            jobs = (*jobs, *page.jobs)
        else:
            break
    return _stretch(_once(jobs), start, mark, size, page)


def window(mark: Mark, size: int) -> tuple[int, int]:
    """Number and size of the smallest page that holds the next `size` jobs and some before them.

    All that lie behind the mark where it knows all of them, else OVERLAP.
    """
    wished = mark.passed if mark.knows_all else min(OVERLAP, len(mark.seen))
    for overlap in (wished, 0):
        for wide in range(max(1, size + overlap), MAX_PAGE_SIZE + 1):
            if overlap <= mark.passed % wide <= wide - size:
                return mark.passed // wide + 1, wide
    return mark.passed // size + 1, size


def known_as(job: Job) -> str:
    """What a mark remembers a job by, even where Emporix left out its id."""
    return digest(job.id or repr(job))


def _stretch(jobs: tuple[Job, ...], start: int, mark: Mark, size: int, end: JobPage) -> Stretch:
    ahead = _ahead(jobs, start, mark)
    taken = tuple(jobs[place] for place in ahead[:size])
    passed = start + ahead[len(taken) - 1] + 1 if taken else mark.passed
    behind = start + len(jobs) - len(ahead) + len(taken)
    left = None if end.total is None else max(0, end.total - behind)
    has_more = len(ahead) > size or end.has_more
    mark = mark.beyond(map(known_as, taken), passed)
    return Stretch(taken, mark, left, end.total, has_more if left is None else left > 0)


def _misses(jobs: tuple[Job, ...], mark: Mark) -> bool:
    """Whether all that was seen lies before these jobs, and with it perhaps what was not."""
    return bool(mark.seen) and not any(known_as(job) in mark.seen for job in jobs)


def _ahead(jobs: tuple[Job, ...], start: int, mark: Mark) -> list[int]:
    """Which of `jobs`, the first of which is at `start` of the list, lie ahead of the mark."""
    unseen = [place for place, job in enumerate(jobs) if known_as(job) not in mark.seen]
    if mark.knows_all:
        return unseen
    forgotten = max(0, mark.passed - len(mark.seen) - start)
    if len(unseen) < len(jobs):
        forgotten = next(place for place in range(len(jobs)) if place not in unseen)
    return [place for place in unseen if place >= forgotten]


def _once(jobs: tuple[Job, ...]) -> tuple[Job, ...]:
    """Pages that were read one after the other may overlap."""
    return tuple({job.id or place: job for place, job in enumerate(jobs)}.values())
