"""The content of a digest: job counts compared with the preceding period, and failures."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

from bot.domain.accounts import Connection
from bot.domain.filters import NEWEST_FIRST, Filters
from bot.domain.jobs import FAILED, RUNNING, SKIPPED, SUCCEEDED, Job, JobPage
from bot.domain.times import Clock
from bot.services.agents import NamedJobs
from bot.services.concurrency import SingleFlight, cancel_all
from bot.services.digests.lifecycle import ReportWindow
from bot.services.filters.parser import to_compact
from bot.services.similarity import FailureGroup, group_failures, job_excerpt

REPORTED_STATUSES = (SUCCEEDED, FAILED, RUNNING, SKIPPED)

FAILURES_PAGE_SIZE = 50
MAX_FAILURES_READ = 100
"""Failures that are read; all others are only counted."""

MAX_GROUPS_SHOWN = 5
MAX_REST_SHOWN = 30
REPORT_TTL_SECONDS = 5 * 60.0
MAX_REPORT_CALLS = 40
"""Concurrent calls of all digests: fewer than there are connections to Emporix."""


@dataclass(frozen=True, slots=True)
class StatusTrend:
    """Counts of a status, "" for all others; None if Emporix gives no total."""

    status: str
    now: int | None
    before: int | None

    @property
    def change(self) -> int | None:
        """The difference to the preceding period; None if either count is unknown."""
        return None if self.now is None or self.before is None else self.now - self.before


@dataclass(frozen=True, slots=True)
class Report:
    """A report: `groups` of failures are shown first, then the `rest`; `more` are only counted.

    The newest `read` failures were compared; `rest` begins with one of each further group.
    """

    tenant: str
    filters: Filters
    window: ReportWindow
    total: StatusTrend
    counts: tuple[StatusTrend, ...]
    failed: int | None
    read: int
    groups: tuple[FailureGroup, ...]
    rest: tuple[Job, ...]
    more: int
    can_delete: bool

    @property
    def is_quiet(self) -> bool:
        """Whether there were no jobs."""
        return self.total.now == 0

    @property
    def query(self) -> str:
        """The compact query of all failures in the period; "" if it is too long."""
        since, until = self.window.since, self.window.until
        failures = replace(
            self.filters, tenant=self.tenant, statuses=(FAILED,), since=since, until=until
        )
        return to_compact(failures, searched=False)

    @property
    def most(self) -> int:
        """The highest count, which has the longest bar."""
        return max((count.now or 0 for count in self.counts), default=0)


class DigestReports:
    """Reads reports; digests with the same tenant, key, filters and window share one.

    `read` raises EmporixError.
    """

    def __init__(self, emporix: NamedJobs, clock: Clock) -> None:
        self._emporix = emporix
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
        return _report(connection, filters, window, total, _with_others(total, counts), failures)

    async def _count(
        self, connection: Connection, asked: Filters, window: ReportWindow, status: str
    ) -> StatusTrend:
        """Count jobs in both periods by the totals of pages with one job."""
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
    total: StatusTrend,
    counts: tuple[StatusTrend, ...],
    failures: list[Job],
) -> Report:
    found = group_failures(failures)
    others = [group.jobs[0] for group in found[MAX_GROUPS_SHOWN:]]
    rest = others + [job for group in found for job in group.jobs[1:]]
    failed = next((count.now for count in counts if count.status == FAILED), None)
    return Report(
        tenant=connection.tenant,
        filters=filters,
        window=window,
        total=total,
        counts=counts,
        failed=failed,
        read=len(failures),
        groups=found[:MAX_GROUPS_SHOWN],
        rest=tuple(rest[:MAX_REST_SHOWN]),
        more=max(failed or 0, len(failures))
        - len(found[:MAX_GROUPS_SHOWN])
        - len(rest[:MAX_REST_SHOWN]),
        can_delete=connection.can_delete,
    )


def _with_others(total: StatusTrend, counts: list[StatusTrend]) -> tuple[StatusTrend, ...]:
    """Add the count of all other statuses, which Emporix may introduce, unless it is 0."""
    now = _others(total.now, [count.now for count in counts])
    before = _others(total.before, [count.before for count in counts])
    return (*counts, *([StatusTrend("", now, before)] if now or before else []))


def _others(total: int | None, known: list[int | None]) -> int | None:
    counted = [count for count in known if count is not None]
    if total is None or len(counted) < len(known):
        return None
    return max(0, total - sum(counted))


def total_jobs(page: JobPage) -> int | None:
    """The total of a page; 0 if Emporix gives none and the page is empty, None if unknown."""
    return page.total if page.total is not None or page.jobs else 0
