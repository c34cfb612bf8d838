"""Reports: counted by totals, with limits, and shared by equal digests."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest

from bot.domain.accounts import Connection
from bot.domain.filters import Filters
from bot.domain.jobs import Job, JobPage
from bot.emporix.query import ALL_TIMES, TimeRange
from bot.errors import EmporixTimeout
from bot.services.digests.lifecycle import ReportWindow
from bot.services.digests.report import MAX_FAILURES_READ, MAX_GROUPS_SHOWN, DigestReports
from bot.services.filters.parser import from_compact
from tests.harness.clock import FakeClock
from tests.store.fixtures import connection

WINDOW = ReportWindow(0, 100, 200)
TOTALS = {"": 100_000, "success": 99_000, "failure": 700, "in_progress": 0, "skipped": 250}


@dataclass
class FakeEmporix:
    """Returns only totals; before the window, there were half as many jobs."""

    totals: dict[str, int | None] = field(default_factory=lambda: dict(TOTALS))
    asked: list[Filters] = field(default_factory=list)
    trouble: Exception | None = None

    async def list_jobs(
        self, connection: Connection, filters: Filters, part: TimeRange = ALL_TIMES
    ) -> JobPage:
        self.asked.append(filters)
        await asyncio.sleep(0)
        if self.trouble:
            raise self.trouble
        total = self.totals["".join(filters.statuses)]
        if total is not None and filters.until == WINDOW.since:
            total //= 2
        there = filters.size if total is None else min(filters.size, total)
        first = (filters.page - 1) * filters.size
        jobs = tuple(_job(first + number, filters) for number in range(there))
        has_more = total is None or filters.page * filters.size < total
        return JobPage(jobs, filters.page, filters.size, total, has_more)


def _job(number: int, filters: Filters) -> Job:
    words = ("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta")
    message = words[number % len(words)] * 2000
    return Job(id=f"job-{number}", status="failure", agent_id="agent", message=message)


@pytest.fixture
def emporix() -> FakeEmporix:
    return FakeEmporix()


@pytest.fixture
def reports(emporix: FakeEmporix, clock: FakeClock) -> DigestReports:
    return DigestReports(cast("Any", emporix), clock)


async def test_counts_by_totals(reports: DigestReports) -> None:
    """Each status, all others and the preceding period are counted by totals."""
    report = await reports.read(connection(), Filters(), WINDOW)
    assert [(count.status, count.now, count.change) for count in report.counts] == [
        ("success", 99_000, 49_500),
        ("failure", 700, 350),
        ("in_progress", 0, 0),
        ("skipped", 250, 125),
        ("", 50, 25),
    ]
    assert (report.total.now, report.most) == (100_000, 99_000)


async def test_reads_a_limited_number_of_failures(
    emporix: FakeEmporix, reports: DigestReports
) -> None:
    """Of any number of failures, a hundred are read and only their excerpts are kept."""
    report = await reports.read(connection(), Filters(), WINDOW)
    assert sum(asked.size for asked in emporix.asked if asked.size > 1) == MAX_FAILURES_READ
    assert len(report.groups) == MAX_GROUPS_SHOWN
    shown = len(report.groups) + len(report.rest)
    assert shown + report.more == 700
    assert max(len(job.message) for job in report.rest) <= 1000
    assert report.read == MAX_FAILURES_READ


async def test_shows_each_group_before_repeats(reports: DigestReports) -> None:
    """A different failure is shown before further ones of a shown group."""
    report = await reports.read(connection(), Filters(), WINDOW)
    shown = [*(group.jobs[0] for group in report.groups), *report.rest[:2]]
    assert len({job.message for job in shown}) == 7


async def test_has_the_query_of_its_failures(reports: DigestReports) -> None:
    """The query selects the failures of the tenant and period with the digest's filters."""
    report = await reports.read(connection(), Filters(words=("refund",)), WINDOW)
    filters, _ = from_compact(report.query)
    since, until, tenant = WINDOW.since, WINDOW.until, report.tenant
    assert filters == Filters(
        words=("refund",), statuses=("failure",), since=since, until=until, tenant=tenant
    )


async def test_counts_only_filtered_statuses(emporix: FakeEmporix, reports: DigestReports) -> None:
    """A digest of successes reads no failures."""
    emporix.totals["success"] = 5
    report = await reports.read(connection(), Filters(statuses=("success",)), WINDOW)
    assert [count.status for count in report.counts] == ["success"]
    assert (report.groups, report.failed) == ((), None)


async def test_missing_totals_are_unknown(emporix: FakeEmporix, reports: DigestReports) -> None:
    """Emporix may omit totals."""
    emporix.totals = dict.fromkeys(TOTALS, None)
    report = await reports.read(connection(), Filters(), WINDOW)
    assert {count.now for count in report.counts} == {None}
    assert not report.is_quiet


async def test_equal_digests_share_a_report(emporix: FakeEmporix, reports: DigestReports) -> None:
    """A report is shared while it is read and afterwards, but not for another window, key or
    filter.
    """
    same = [reports.read(connection(), Filters(), WINDOW) for _ in range(20)]
    first, *others = await asyncio.gather(*same)
    assert all(other is first for other in others)
    calls = len(emporix.asked)
    await reports.read(connection(), Filters(words=("refund",)), WINDOW)
    await reports.read(connection(), Filters(), replace(WINDOW, until=201))
    assert len(emporix.asked) > 2 * calls


async def test_an_error_is_not_cached(emporix: FakeEmporix, reports: DigestReports) -> None:
    """After an error, the next reader asks Emporix again, and no call is left running."""
    emporix.trouble = EmporixTimeout(tenant="acme")
    with pytest.raises(EmporixTimeout):
        await reports.read(connection(), Filters(), WINDOW)
    calls = len(emporix.asked)
    await asyncio.sleep(0.01)
    assert len(emporix.asked) == calls
    emporix.trouble = None
    assert (await reports.read(connection(), Filters(), WINDOW)).total.now == 100_000
