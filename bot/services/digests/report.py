"""The content of a digest: job counts compared with the preceding period, and failures."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.domain.accounts import Connection
from bot.domain.filters import NEWEST_FIRST, Filters
from bot.domain.jobs import FAILED, RUNNING, SKIPPED, SUCCEEDED, Job, JobPage
from bot.domain.times import Clock
from bot.services.agents import NamedJobs
from bot.services.concurrency import SingleFlight, cancel_all
from bot.services.digests.lifecycle import ReportWindow
from bot.services.filters.parser import to_compact
from bot.services.session_logs import ErrorLines
from bot.services.similarity import FailureGroup, group_failures, job_excerpt

REPORTED_STATUSES = (SUCCEEDED, FAILED, RUNNING, SKIPPED)

FAILURES_PAGE_SIZE = 50
MAX_FAILURES_READ = 100
"""Maximum number of failures to read; all others are only counted."""

MAX_GROUPS_SHOWN = 5
MAX_THREAD_JOBS = 20
REPORT_TTL_SECONDS = 5 * 60.0
MAX_REPORT_CALLS = 40
"""Concurrent calls of all digests: fewer than there are connections to Emporix."""


@dataclass(frozen=True, slots=True)
class StatusTrend:
    """The counts of jobs with a status, in the period and in the preceding one.

    `status` "" means all other statuses or, for the total, all jobs. A count is None if Emporix
    returns no total.
    """

    status: str
    now: int | None
    before: int | None

    @property
    def change(self) -> int | None:
        """The difference from the preceding period; None if either count is unknown."""
        return None if self.now is None or self.before is None else self.now - self.before


@dataclass(frozen=True, slots=True)
class Share:
    """A percentage in the period and in the preceding one; None if it is unknown."""

    now: float | None
    before: float | None


@dataclass(frozen=True, slots=True)
class Report:
    """The jobs of a period: counts, and the failures by cause.

    The newest `read` failures were grouped. `groups` are shown in the message, and `thread` has
    the groups with the jobs that follow in its thread. `other_causes` is the number of groups that
    are not in `groups`, and `other_jobs` is the number of their jobs; the thread may not have room
    for all of them. The counts by status add up to the total.
    """

    tenant: str
    filters: Filters
    window: ReportWindow
    total: StatusTrend
    counts: tuple[StatusTrend, ...]
    failed: int | None
    read: int
    groups: tuple[FailureGroup, ...]
    thread: tuple[FailureGroup, ...]
    other_causes: int
    other_jobs: int

    @property
    def is_quiet(self) -> bool:
        """Whether there were no jobs."""
        return self.total.now == 0

    @property
    def has_failures(self) -> bool:
        return bool(self.read or self.failed)

    @property
    def not_grouped(self) -> int:
        """Failures that are older than those that were read."""
        return max(0, (self.failed or 0) - self.read)

    @property
    def not_shown(self) -> int:
        """Failures that are neither in the message nor in the thread."""
        shown = sum(len(group.jobs) for group in (*self.groups, *self.thread))
        return max(self.failed or 0, self.read) - shown

    @property
    def failed_share(self) -> Share:
        """The percentage of failed jobs."""
        trend = next((count for count in self.counts if count.status == FAILED), None)
        if trend is None or self.filters.statuses:
            return Share(None, None)
        return Share(_percent(trend.now, self.total.now), _percent(trend.before, self.total.before))

    @property
    def query(self) -> str:
        """The compact query of all failures in the period; "" if it is too long."""
        since, until = self.window.since, self.window.until
        failures = replace(
            self.filters, tenant=self.tenant, statuses=(FAILED,), since=since, until=until
        )
        return to_compact(failures, searched=False)


class DigestReports:
    """Reads reports; digests with the same tenant, key, filters and window share one.

    `read` raises EmporixError.
    """

    def __init__(self, emporix: NamedJobs, error_lines: ErrorLines, clock: Clock) -> None:
        self._emporix, self._error_lines = emporix, error_lines
        self._limit = asyncio.Semaphore(MAX_REPORT_CALLS)
        self._flight = SingleFlight[Report](clock, lambda _: REPORT_TTL_SECONDS)

    async def read(self, connection: Connection, filters: Filters, window: ReportWindow) -> Report:
        key = (connection.tenant, connection.credentials.client_id, filters, window)
        return await self._flight.get(key, lambda: self._read(connection, filters, window))

    async def close(self) -> None:
        """Cancel all running reads."""
        await self._flight.close()

    async def _read(self, connection: Connection, filters: Filters, window: ReportWindow) -> Report:
        asked = replace(filters, sort=NEWEST_FIRST, page=1, fields=(), tenant=connection.tenant)
        statuses = [
            one for one in REPORTED_STATUSES if not filters.statuses or one in filters.statuses
        ]
        failing = asyncio.create_task(self._failures(connection, asked, window))
        counting = [
            asyncio.create_task(self._count(connection, asked, window, one))
            for one in ("", *statuses)
        ]
        try:
            total, *counts = await asyncio.gather(*counting)
            failures = await failing
        finally:
            await cancel_all([failing, *counting])
        report = _report(connection, filters, window, (total, *counts), failures)
        return await self._with_error_lines(connection, report)

    async def _with_error_lines(self, connection: Connection, report: Report) -> Report:
        """Add the error line to the job of each group in the message, as far as it is known."""
        jobs = [group.jobs[0] for group in report.groups]
        lines = await self._error_lines.read(connection, jobs)
        named = [replace(job, error_line=lines.get(job.id, "")) for job in jobs]
        groups = zip(report.groups, named, strict=True)
        return replace(report, groups=tuple(_with_jobs(group, [job]) for group, job in groups))

    async def _count(
        self, connection: Connection, asked: Filters, window: ReportWindow, status: str
    ) -> StatusTrend:
        """Count the jobs in both periods, using the totals of pages with one job."""
        statuses = (status,) if status else asked.statuses
        one = replace(asked, size=1, fields=("id",), statuses=statuses)
        now = await self._page(connection, replace(one, since=window.since, until=window.until))
        before = await self._page(connection, replace(one, since=window.before, until=window.since))
        return StatusTrend(status, total_jobs(now), total_jobs(before))

    async def _failures(
        self, connection: Connection, asked: Filters, window: ReportWindow
    ) -> list[Job]:
        if asked.statuses and FAILED not in asked.statuses:
            return []
        asked = replace(
            asked,
            statuses=(FAILED,),
            since=window.since,
            until=window.until,
            size=FAILURES_PAGE_SIZE,
        )
        found: list[Job] = []
        for number in range(1, MAX_FAILURES_READ // FAILURES_PAGE_SIZE + 1):
            page = await self._page(connection, replace(asked, page=number))
            found += map(job_excerpt, page.jobs)
            if not page.has_more:
                break
        return list({job.id or id(job): job for job in found}.values())

    async def _page(self, connection: Connection, filters: Filters) -> JobPage:
        async with self._limit:
            return await self._emporix.list_jobs(connection, filters)


def _report(
    connection: Connection,
    filters: Filters,
    window: ReportWindow,
    counted: tuple[StatusTrend, ...],
    failures: list[Job],
) -> Report:
    found = group_failures(failures)
    total, counts = consistent(counted, len(failures))
    others = found[MAX_GROUPS_SHOWN:]
    return Report(
        tenant=connection.tenant,
        filters=filters,
        window=window,
        total=total,
        counts=counts,
        failed=next((count.now for count in counts if count.status == FAILED), None),
        read=len(failures),
        groups=tuple(_with_jobs(group, group.jobs[:1]) for group in found[:MAX_GROUPS_SHOWN]),
        thread=_thread(found[:MAX_GROUPS_SHOWN], others),
        other_causes=len(others),
        other_jobs=sum(group.count for group in others),
    )


def _thread(
    shown: Sequence[FailureGroup], others: Sequence[FailureGroup]
) -> tuple[FailureGroup, ...]:
    """The groups for the thread: first the newest job of each other cause, then further jobs."""
    room = max(0, MAX_THREAD_JOBS - len(others))
    found: list[FailureGroup] = []
    for group, first in [*((group, 1) for group in others), *((group, 0) for group in shown)]:
        rest = group.jobs[1:][:room]
        room -= len(rest)
        found.append(_with_jobs(group, (*group.jobs[:first], *rest)))
    return tuple([group for group in found if group.jobs][:MAX_THREAD_JOBS])


def _with_jobs(group: FailureGroup, jobs: Sequence[Job]) -> FailureGroup:
    return replace(group, jobs=tuple(jobs))


def consistent(
    counted: Sequence[StatusTrend], failures: int
) -> tuple[StatusTrend, tuple[StatusTrend, ...]]:
    """The total and the counts by status, which add up to it, as far as they are known.

    `counted` begins with the total. Jobs may end while they are counted, so a job may be
    counted twice or not at all. Jobs of unknown statuses are counted under "".
    """
    total, *counts = counted
    counts = [_at_least(one, failures) if one.status == FAILED else one for one in counts]
    now, others = _add_up(total.now, [one.now for one in counts])
    before, others_before = _add_up(total.before, [one.before for one in counts])
    rest = [StatusTrend("", others, others_before)] if others or others_before else []
    return StatusTrend("", now, before), (*counts, *rest)


def _at_least(trend: StatusTrend, count: int) -> StatusTrend:
    return trend if trend.now is None else replace(trend, now=max(trend.now, count))


def _add_up(total: int | None, counts: Sequence[int | None]) -> tuple[int | None, int | None]:
    """The total, and the number of jobs that are not in `counts`; None if it is unknown."""
    known = [count for count in counts if count is not None]
    if len(known) < len(counts):
        return total, None
    total = sum(known) if total is None else max(total, sum(known))
    return total, total - sum(known)


def _percent(part: int | None, whole: int | None) -> float | None:
    return None if part is None or not whole else 100 * part / whole


def total_jobs(page: JobPage) -> int | None:
    """The total of a page; 0 if Emporix returns none and the page is empty, None if unknown."""
    return page.total if page.total is not None or page.jobs else 0
