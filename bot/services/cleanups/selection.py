"""Selects the jobs that a clean-up deletes: allowed filters, counts, ids, exports."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from bot.domain.accounts import Connection
from bot.domain.cleanups import Cleanup
from bot.domain.filters import NEWEST_FIRST, Filters
from bot.domain.jobs import FAILED, RUNNING, SKIPPED, SUCCEEDED, Job, JobPage
from bot.emporix.client import MAX_PAGE_SIZE
from bot.emporix.query import ALL_TIMES, MODIFIED, TimeRange
from bot.errors import EmporixTooLarge, InvalidInput
from bot.services.agents import NamedJobs
from bot.services.exports import MAX_CSV_JOBS, within_cells
from bot.services.pagination import ListJobs, parse_query_time

LAST_MODIFIED_FIRST, FIRST_MODIFIED_FIRST = f"{MODIFIED}:DESC", f"{MODIFIED}:ASC"


def check_filters(filters: Filters) -> None:
    """Raises InvalidInput for filters that do not narrow the list, or only change its layout."""
    if not filters.is_narrow:
        raise InvalidInput(
            "Without a filter, this would delete every job in the tenant",
            advice="Say which jobs to delete: /emporix jobs clean skipped until:2026-11-01",
        )
    plain = Filters()
    ways = ("page", "size", "sort", "fields")
    if odd := [name for name in ways if getattr(filters, name) != getattr(plain, name)]:
        raise InvalidInput(
            "A clean-up deletes all matching jobs, in no particular order",
            f"{odd[0]}:",
            "Leave out page:, size:, sort: and fields:. Narrow it with since: and until: instead.",
        )


def modified_range(filters: Filters, until: str, since: str = "") -> TimeRange:
    """The time range of the jobs; all times for a `q:` query, whose jobs are checked one by one."""
    return ALL_TIMES if filters.raw_q else TimeRange(MODIFIED, since=since, until=until)


def matches_cleanup(job: Job, cleanup: Cleanup) -> bool:
    """Whether a job from Emporix matches the filters and the time bound of a clean-up.

    This is also checked locally, so that no other job is deleted if Emporix ignores a filter.
    """
    modified, until = parse_query_time(job.modified_at), parse_query_time(cleanup.until)
    is_bounded = modified is not None and until is not None and modified <= until
    return bool(job.id) and is_bounded and all(_checks(job, cleanup.filters))


def _checks(job: Job, filters: Filters) -> Iterator[bool]:
    yield _any_of(job.status, filters.statuses, str.lower)
    yield _any_of(job.type, filters.types, str.upper)
    yield _any_of(job.agent_type, filters.agent_types, str.lower)
    yield _any_of(job.agent_id, filters.agents)
    yield _any_of(job.commerce_event, filters.events)
    yield _any_of(job.session_id, filters.sessions)
    message = job.message.casefold()
    yield all(phrase.strip().casefold() in message for phrase in filters.words)
    created = parse_query_time(job.created_at)
    yield filters.since is None or _seconds(created) >= filters.since
    yield filters.until is None or 0 <= _seconds(created) < filters.until


def _any_of(value: str, alternatives: tuple[str, ...], spelled: Callable[[str], str] = str) -> bool:
    return not alternatives or spelled(value) in map(spelled, alternatives)


def _seconds(time: datetime | None) -> float:
    return time.timestamp() if time else -1.0


def with_layout(filters: Filters, sort: str = NEWEST_FIRST, size: int = 1) -> Filters:
    """The same filters with another sort order and page size."""
    return replace(filters, sort=sort, page=1, size=size, fields=())


PREVIEW_EXAMPLES = 3
PREVIEWED_STATUSES = (FAILED, RUNNING, SUCCEEDED, SKIPPED)
OLDEST_FIRST = "metadata.createdAt:ASC"


@dataclass(frozen=True, slots=True)
class StatusCount:
    """The number of jobs with a status; "" means all other statuses."""

    status: str
    count: int


@dataclass(frozen=True, slots=True)
class CleanupPreview:
    """What a clean-up would delete.

    `statuses` is empty for a `q:` query. `newest` and `oldest` are examples. `excluded` counts
    jobs that match, but have just changed or have no time. `query` is the compact query that
    lists these jobs, "" if it is too long.
    """

    cleanup: Cleanup
    statuses: tuple[StatusCount, ...] = ()
    newest: tuple[Job, ...] = ()
    oldest: Job | None = None
    excluded: int = 0
    query: str = ""


class CleanupCounts:
    """Counts jobs. Methods raise EmporixError, and InvalidInput if Emporix returns no total."""

    def __init__(self, emporix: NamedJobs) -> None:
        self._emporix = emporix

    async def find_bound(self, connection: Connection, filters: Filters) -> tuple[str, int]:
        """When the last job was modified ("" if no job has a time), and the number of matches."""
        last = with_layout(filters, LAST_MODIFIED_FIRST)
        page = await self._emporix.list_jobs(connection, last, ALL_TIMES)
        time = page.jobs[0].modified_at if page.jobs else ""
        return (time if parse_query_time(time) else ""), _total(page)

    async def recount(self, connection: Connection, cleanup: Cleanup) -> Cleanup:
        """Count again; a `q:` query cannot be bounded, so its bound is moved to now."""
        if cleanup.filters.raw_q:
            until, counted = await self.find_bound(connection, cleanup.filters)
            return replace(cleanup, until=until, counted=counted)
        return replace(cleanup, counted=await self._count(connection, cleanup, cleanup.filters))

    async def preview(
        self, connection: Connection, cleanup: Cleanup, in_all: int
    ) -> CleanupPreview:
        """Preview the jobs within the bound of `cleanup`; `in_all` is the count without it."""
        filters, bounds = cleanup.filters, modified_range(cleanup.filters, cleanup.until)
        newest, oldest, statuses = await asyncio.gather(
            self._emporix.list_jobs(
                connection, with_layout(filters, size=PREVIEW_EXAMPLES), bounds
            ),
            self._emporix.list_jobs(connection, with_layout(filters, OLDEST_FIRST), bounds),
            self._by_status(connection, cleanup),
        )
        counted = _total(newest)
        if statuses and (rest := counted - sum(statuses.values())) > 0:
            statuses[""] = rest
        return CleanupPreview(
            replace(cleanup, counted=counted),
            tuple(StatusCount(status, count) for status, count in statuses.items() if count),
            newest.jobs,
            next(iter(oldest.jobs), None),
            max(0, in_all - counted),
        )

    async def _by_status(self, connection: Connection, cleanup: Cleanup) -> dict[str, int]:
        filters = cleanup.filters
        if filters.raw_q:
            return {}
        asked = filters.statuses or PREVIEWED_STATUSES
        counts = await asyncio.gather(
            *(
                self._count(connection, cleanup, replace(filters, statuses=(status,)))
                for status in asked
            )
        )
        return dict(zip(asked, counts, strict=True))

    async def _count(self, connection: Connection, cleanup: Cleanup, filters: Filters) -> int:
        one = with_layout(filters)
        return _total(
            await self._emporix.list_jobs(connection, one, modified_range(filters, cleanup.until))
        )


def _total(page: JobPage) -> int:
    if page.total is None:
        raise InvalidInput(
            "Emporix doesn't say how many jobs match, so I can't delete them",
            advice="Try again, or use other filters.",
        )
    return page.total


MATCHED_FIELDS = (
    "status",
    "type",
    "agentId",
    "agentType",
    "sessionId",
    "commerceEvent",
    "metadata",
)
"""The fields that `matches_cleanup` needs, besides agent messages, which can be long."""

ID_PAGE_SIZES = (MAX_PAGE_SIZE, 10, 1)
"""Page sizes, tried in turn if Emporix cannot send larger pages."""

BeforeEach = Callable[[], Awaitable[object]]
"""Called before each call to Emporix."""


async def collect_job_ids(call: ListJobs, cleanup: Cleanup, before_each: BeforeEach) -> list[str]:
    """Read the ids of the jobs to delete, least recently modified first.

    If more jobs match than were counted, returns one id more than counted. Raises the errors of
    `before_each` and of the calls.
    """
    fields = (*MATCHED_FIELDS, "message") if cleanup.filters.words else MATCHED_FIELDS
    found: dict[str, None] = {}
    async for jobs in read_pages(call, cleanup, before_each, fields=fields):
        found |= dict.fromkeys(job.id for job in jobs if matches_cleanup(job, cleanup))
        if len(found) > cleanup.counted:
            break
    return list(found)[: cleanup.counted + 1]


async def read_pages(
    call: ListJobs,
    cleanup: Cleanup,
    before_each: BeforeEach,
    *,
    fields: tuple[str, ...] = (),
    since: str = "",
) -> AsyncIterator[tuple[Job, ...]]:
    """Read the jobs modified at `since` or later, in order of modification; some may be repeated.

    Reads all fields if `fields` is empty. Raises the errors of `before_each` and of the calls.
    """
    asked = replace(cleanup.filters, sort=FIRST_MODIFIED_FIRST, fields=fields)
    reached, number, sizes = since, 1, list(ID_PAGE_SIZES)
    while True:
        await before_each()
        wanted = replace(asked, page=number, size=sizes[0])
        try:
            page = await call(wanted, modified_range(asked, cleanup.until, reached))
        except EmporixTooLarge:
            if len(sizes) == 1:
                raise
            del sizes[0]
            number = 1
            continue
        yield page.jobs
        if not page.has_more or not page.jobs or _is_past_bound(page, cleanup):
            return
        reached, number = _next(page, cleanup, reached, number)


def _next(page: JobPage, cleanup: Cleanup, reached: str, number: int) -> tuple[str, int]:
    """The start time and number of the next page, chosen so that deletes do not hide jobs."""
    time = page.jobs[-1].modified_at
    if cleanup.filters.raw_q or time == reached or not parse_query_time(time):
        return reached, number + 1
    return time, 1


def _is_past_bound(page: JobPage, cleanup: Cleanup) -> bool:
    """Whether all further jobs were modified after the count."""
    last, until = parse_query_time(page.jobs[-1].modified_at), parse_query_time(cleanup.until)
    return last is not None and until is not None and last > until


MAX_FILE_CHARACTERS = 5_000_000
"""Characters of agent messages in one file, so that several clean-ups fit into memory."""


@dataclass(frozen=True, slots=True)
class ExportPart:
    """Jobs for one file; `reached` is when the last one was modified, as Emporix formats it.

    `reached` is "" for a `q:` query, which cannot be continued from a time.
    """

    jobs: Sequence[Job]
    reached: str


async def export_parts(
    call: ListJobs, cleanup: Cleanup, job_ids: Sequence[str], before_each: BeforeEach
) -> AsyncIterator[ExportPart]:
    """Read the jobs in `job_ids` that still exist and have not been sent."""
    missing, jobs, characters = set(job_ids), list[Job](), 0
    async for page in read_pages(call, cleanup, before_each, since=cleanup.exported_to):
        new = [within_cells(job) for job in page if job.id in missing]
        missing.difference_update(job.id for job in new)
        jobs += new
        characters += sum(len(job.message) + len(job.response) for job in new)
        if len(jobs) >= MAX_CSV_JOBS or characters >= MAX_FILE_CHARACTERS:
            yield ExportPart(jobs, "" if cleanup.filters.raw_q else page[-1].modified_at)
            jobs, characters = [], 0
    if jobs:
        yield ExportPart(jobs, "" if cleanup.filters.raw_q else jobs[-1].modified_at)
