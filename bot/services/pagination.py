"""Stable pages of a list: no job is skipped or repeated while jobs arrive or are deleted."""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from bot.domain.filters import NEWEST_FIRST, Filters
from bot.domain.jobs import Job, JobPage
from bot.domain.lists import (
    MAX_PAGE_POSITIONS,
    MAX_REMEMBERED_IDS,
    ListCursor,
    PagePosition,
    ReadMark,
    ShownPage,
)
from bot.domain.records import parse_time
from bot.emporix.client import MAX_PAGE_SIZE
from bot.emporix.query import ALL_TIMES, CREATED, MODIFIED, TimeRange


@dataclass(frozen=True, slots=True)
class Order:
    """A sort order; `sort` is `field:ASC` or `field:DESC`, or several of these joined by commas."""

    sort: str

    @property
    def field(self) -> str:
        """The time that bounds the list: the one it is sorted by, or else the creation time."""
        return MODIFIED if self._first == MODIFIED else CREATED

    @property
    def is_by_time(self) -> bool:
        return self._first in (CREATED, MODIFIED)

    @property
    def with_tiebreaker(self) -> str:
        """The sort order, with the creation time as a tiebreaker for jobs that compare equal."""
        return self.sort if CREATED in self.sort else f"{self.sort},{NEWEST_FIRST}"

    def time(self, job: Job) -> str:
        """The job's time in this order, as Emporix formats it; "" if it has none."""
        return job.modified_at if self.field == MODIFIED else job.created_at

    def reached(self, jobs: Sequence[Job]) -> str:
        """The time of the last job if the next page can begin at it, otherwise ""."""
        time = self.time(jobs[-1]) if jobs and self.is_by_time else ""
        return time if parse_query_time(time) else ""

    def latest(self, jobs: Sequence[Job], now: float) -> str:
        """The later of `now` and the jobs' latest time, because the local clock may be slow."""
        clock = datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds")
        times = [clock.replace("+00:00", "Z"), *map(self.time, jobs)]
        moments = {found: time for time in times if (found := parse_query_time(time))}
        return moments[max(moments)]

    def time_range(self, reached: str, until: str) -> TimeRange:
        """The time range of the rest of the list: from `reached` on in this order, to `until`."""
        if self.sort.startswith(f"{self.field}:DESC"):
            return TimeRange(self.field, until=reached or until)
        return TimeRange(self.field, since=reached, until=until)

    @property
    def _first(self) -> str:
        return self.sort.partition(":")[0]


def parse_query_time(text: str) -> datetime | None:
    """Parse a time that can be quoted in `q`; None for any other text."""
    if '"' in text or "\\" in text:  # Python accepts any separator between date and time
        return None
    return parse_time(text)


MAX_EXTRA_CALLS = 3
MAX_SHOWN_IDS_LENGTH = 2_000  # characters of all ids on a page; 50 Emporix ids have 1,200
OVERLAP_JOBS = 12  # jobs to read again, so that up to this many can be deleted without another call

FetchPage = Callable[[int, int], Awaitable[JobPage]]
"""Requests a page; takes the page number, counted from 1, and the page size."""


@dataclass(frozen=True, slots=True)
class ListWindow:
    """Consecutive jobs of a list, and the mark after them.

    `left` is the number of jobs after them, and `total` is the number of jobs in the list. Both are
    None if Emporix returns no total.
    """

    jobs: tuple[Job, ...]
    mark: ReadMark
    left: int | None
    total: int | None
    has_more: bool


async def list_window(fetch: FetchPage, mark: ReadMark, size: int) -> ListWindow:
    """Read the next `size` jobs after `mark`, with one call unless many jobs were deleted."""
    number, wide = page_window(mark, size)
    page = await fetch(number, wide)
    start, jobs = (number - 1) * wide, page.jobs
    for _ in range(MAX_EXTRA_CALLS):
        if start and _has_gap(jobs, mark):
            earlier = await fetch(start // wide, wide)
            start, jobs = start - wide, (*earlier.jobs, *jobs)
        elif page.has_more and len(_unread(jobs, start, mark)) < size:
            page = await fetch(page.page + 1, wide)
            jobs = (*jobs, *page.jobs)
        else:
            break
    return _window(_without_duplicates(jobs), start, mark, size, page)


def page_window(mark: ReadMark, size: int) -> tuple[int, int]:
    """The number and size of the smallest page with the next `size` jobs and an overlap.

    The overlap, before these jobs, is all jobs read so far if the mark remembers them all,
    otherwise OVERLAP_JOBS.
    """
    wished = mark.offset if mark.is_complete else min(OVERLAP_JOBS, len(mark.last_ids))
    for overlap in (wished, 0):
        for wide in range(max(1, size + overlap), MAX_PAGE_SIZE + 1):
            if overlap <= mark.offset % wide <= wide - size:
                return mark.offset // wide + 1, wide
    return mark.offset // size + 1, size


def job_key(job: Job) -> str:
    """The key of a job in a mark; jobs without an id have one, too."""
    return short_hash(job.id or repr(job))


def _window(
    jobs: tuple[Job, ...], start: int, mark: ReadMark, size: int, end: JobPage
) -> ListWindow:
    ahead = _unread(jobs, start, mark)
    taken = tuple(jobs[place] for place in ahead[:size])
    passed = start + ahead[len(taken) - 1] + 1 if taken else mark.offset
    behind = start + len(jobs) - len(ahead) + len(taken)
    left = None if end.total is None else max(0, end.total - behind)
    has_more = len(ahead) > size or end.has_more
    mark = advanced(mark, map(job_key, taken), passed)
    return ListWindow(taken, mark, left, end.total, has_more if left is None else left > 0)


def _has_gap(jobs: tuple[Job, ...], mark: ReadMark) -> bool:
    """Whether unread jobs may precede `jobs`, because none of them was read before."""
    return bool(mark.last_ids) and not any(job_key(job) in mark.last_ids for job in jobs)


def _unread(jobs: tuple[Job, ...], start: int, mark: ReadMark) -> list[int]:
    """The indexes of unread jobs; `start` is the index of the first of `jobs` in the list."""
    unseen = [place for place, job in enumerate(jobs) if job_key(job) not in mark.last_ids]
    if mark.is_complete:
        return unseen
    forgotten = max(0, mark.offset - len(mark.last_ids) - start)
    if len(unseen) < len(jobs):
        forgotten = next(place for place in range(len(jobs)) if place not in unseen)
    return [place for place in unseen if place >= forgotten]


def _without_duplicates(jobs: tuple[Job, ...]) -> tuple[Job, ...]:
    """Remove duplicates, since consecutive pages may overlap."""
    return tuple({job.id or place: job for place, job in enumerate(jobs)}.values())


ListJobs = Callable[[Filters, TimeRange], Awaitable[JobPage]]
"""Requests a page of the jobs that match the filters within the time range."""


@dataclass(frozen=True, slots=True)
class ListPage:
    """A page of a list.

    `before` is the number of jobs on earlier pages. `cursor` has the start of this page and of the
    next one.
    """

    number: int
    jobs: tuple[Job, ...]
    before: int
    total: int | None
    has_more: bool
    cursor: ListCursor


async def start_snapshot(call: ListJobs, cursor: ListCursor, number: int, now: float) -> ListPage:
    """Read a page of the list, and start a snapshot; `now` is in seconds since 1970."""
    filters, order = cursor.filters, Order(cursor.filters.sort)
    passed = ReadMark((number - 1) * filters.size, is_complete=False)
    found = await list_window(_page_fetcher(call, filters, ALL_TIMES), passed, filters.size)
    dated, undated = (
        (found, _no_jobs(ReadMark())) if filters.raw_q else _split_undated(found, order, number)
    )
    cursor = replace(
        cursor,
        until="" if filters.raw_q else order.latest(found.jobs, now),
        total=found.total if number == 1 else None,
        undated=_known_undated(filters, order, undated, is_all=number == 1 and not found.has_more),
        positions=(),
    )
    page = _list_page(cursor, page_position(cursor, number), found.jobs, dated, undated)
    is_beyond = not found.jobs and found.total is not None
    return replace(page, total=found.total) if is_beyond else page


async def read_snapshot(call: ListJobs, cursor: ListCursor, number: int) -> ListPage:
    """Read a page of the list as it was at the start of the snapshot, without deleted jobs."""
    filters, order, place = (
        cursor.filters,
        Order(cursor.filters.sort),
        page_position(cursor, number),
    )
    time_range = order.time_range(place.last_time, cursor.until) if cursor.until else ALL_TIMES
    dated = await list_window(_page_fetcher(call, filters, time_range), place.dated, filters.size)
    cursor = await _fetch_undated_count(call, _infer_undated(cursor, place, dated), dated)
    undated = _no_jobs(place.undated, (cursor.undated or 0) - place.undated.offset)
    if cursor.until and not dated.has_more and (cursor.undated is None or undated.has_more):
        fetch = _page_fetcher(call, filters, TimeRange(order.field, missing=True))
        undated = await list_window(fetch, place.undated, filters.size - len(dated.jobs))
        cursor = replace(cursor, undated=_count_undated(undated, place.undated.offset))
    return _list_page(cursor, place, dated.jobs + undated.jobs, dated, undated)


def _list_page(
    cursor: ListCursor,
    place: PagePosition,
    jobs: tuple[Job, ...],
    dated: ListWindow,
    undated: ListWindow,
) -> ListPage:
    reached, mark = _next_position(cursor, place, dated)
    before = place.offset + len(jobs)
    following = PagePosition(place.page + 1, before, reached, mark, undated.mark)
    counted = dated.left is not None and undated.left is not None
    has_more = dated.has_more or undated.has_more
    return ListPage(
        number=place.page,
        jobs=jobs,
        before=place.offset,
        total=before + (dated.left or 0) + (undated.left or 0) if counted else None,
        has_more=has_more,
        cursor=replace(
            with_positions(cursor, place, following),
            shown=_shown_page(place.page, jobs, has_more=has_more),
        ),
    )


def _shown_page(page: int, jobs: Sequence[Job], *, has_more: bool) -> ShownPage | None:
    """The page to store with the cursor; None if its ids are too long."""
    ids = tuple(job.id for job in jobs if job.id)
    if sum(map(len, ids)) > MAX_SHOWN_IDS_LENGTH:
        return None
    return ShownPage(page, ids, has_more)


def _next_position(
    cursor: ListCursor, place: PagePosition, dated: ListWindow
) -> tuple[str, ReadMark]:
    """Where the next page begins: at the last time shown, after the jobs with that time."""
    order = Order(cursor.filters.sort)
    reached = order.reached(dated.jobs) if cursor.until else ""
    if reached in ("", place.last_time):
        return place.last_time, dated.mark
    tied = [job_key(job) for job in dated.jobs if order.time(job) == reached]
    return reached, advanced(ReadMark(), tied, len(tied))


def _split_undated(found: ListWindow, order: Order, number: int) -> tuple[ListWindow, ListWindow]:
    """Split the first page of a snapshot into jobs with and without a time."""
    dated = tuple(job for job in found.jobs if order.time(job))
    undated = tuple(job for job in found.jobs if not order.time(job))
    is_first = number == 1
    ahead = found.mark.offset - len(found.jobs)
    behind = advanced(
        ReadMark(ahead, is_complete=is_first), map(job_key, dated), ahead + len(dated)
    )
    beside = advanced(ReadMark(is_complete=is_first), map(job_key, undated), len(undated))
    return replace(found, jobs=dated, mark=behind), replace(_no_jobs(beside), jobs=undated)


def _no_jobs(mark: ReadMark, left: int = 0) -> ListWindow:
    """An empty window with `left` jobs after it."""
    return ListWindow((), mark, max(0, left), None, left > 0)


def _count_undated(undated: ListWindow, before: int) -> int | None:
    """The number of jobs without a time, including `before`; None if there may be more."""
    shown = before + len(undated.jobs)
    if undated.left is None:
        return None if undated.has_more else shown
    return shown + undated.left


def _known_undated(
    filters: Filters, order: Order, shown: ListWindow, *, is_all: bool
) -> int | None:
    """The number of jobs without a time: None if unknown, 0 if the filters bound that time."""
    if order.field == CREATED and (filters.since is not None or filters.until is not None):
        return 0
    return len(shown.jobs) if is_all else None


def _infer_undated(cursor: ListCursor, place: PagePosition, dated: ListWindow) -> ListCursor:
    """Set the number of jobs without a time if every job of the list is accounted for.

    A job that the bounded query does not count has no time or was deleted. If no job is missing,
    both cases can be ruled out.
    """
    if cursor.undated is not None or cursor.total is None or dated.left is None:
        return cursor
    if not dated.jobs:  # the start of a page that was never shown is only estimated
        return cursor
    missing = cursor.total - place.offset - len(dated.jobs) - dated.left
    return cursor if missing > 0 else replace(cursor, undated=place.undated.offset)


async def _fetch_undated_count(call: ListJobs, cursor: ListCursor, dated: ListWindow) -> ListCursor:
    """Request the number of jobs without a time once, so that the total is the same on every page.

    This is not needed on the last page, where the jobs themselves are read, or without totals.
    """
    is_needed = bool(cursor.until) and cursor.undated is None and dated.left is not None
    if not is_needed or not dated.has_more:
        return cursor
    missing = TimeRange(Order(cursor.filters.sort).field, missing=True)
    counted = await _page_fetcher(call, cursor.filters, missing)(1, 1)
    return replace(cursor, undated=counted.total)


def _page_fetcher(call: ListJobs, filters: Filters, time_range: TimeRange) -> FetchPage:
    """A function that fetches pages with times, even if the user selected only other `fields`."""
    fields = (*filters.fields, "metadata") if filters.fields else ()
    sort = Order(filters.sort).with_tiebreaker
    return lambda number, size: call(
        replace(filters, sort=sort, fields=fields, page=number, size=size), time_range
    )


def page_position(cursor: ListCursor, page: int) -> PagePosition:
    """The start of a page: from the cursor, or estimated from the page number."""
    before = (page - 1) * cursor.filters.size
    is_start = bool(cursor.until) and before == 0
    estimate = PagePosition(page, before, dated=ReadMark(before, is_complete=is_start))
    return next((place for place in cursor.positions if place.page == page), estimate)


def with_positions(cursor: ListCursor, *known: PagePosition) -> ListCursor:
    """Add positions to a cursor, and keep the nearest of its other positions."""
    pages = [place.page for place in known]
    others = [place for place in cursor.positions if place.page not in pages]
    others.sort(key=lambda place: abs(place.page - pages[0]))
    return replace(cursor, positions=(*known, *others)[:MAX_PAGE_POSITIONS])


def advanced(mark: ReadMark, seen: Iterable[str], passed: int) -> ReadMark:
    """Move a mark past the jobs `seen`, to the offset `passed`."""
    together = (*mark.last_ids, *seen)
    return ReadMark(
        passed,
        together[-MAX_REMEMBERED_IDS:],
        mark.is_complete and len(together) <= MAX_REMEMBERED_IDS,
    )


_DIGEST_BYTES = 6


def short_hash(text: str) -> str:
    """A 48-bit hash of 8 characters: enough for the few ids compared on a page."""
    hashed = hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=_DIGEST_BYTES).digest()
    return urlsafe_b64encode(hashed).decode()
