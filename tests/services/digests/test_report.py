"""Reports: counted by totals, with limits, and shared by equal digests."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.accounts import Connection
from bot.domain.filters import Filters
from bot.domain.jobs import Job, JobPage
from bot.emporix.query import ALL_TIMES, TimeRange
from bot.errors import EmporixTimeout
from bot.services.digests.lifecycle import ReportWindow
from bot.services.digests.report import (
    MAX_FAILURES_READ,
    MAX_GROUPS_SHOWN,
    REPORTED_STATUSES,
    DigestReports,
    StatusTrend,
    consistent,
)
from bot.services.filters.parser import from_compact
from bot.services.session_logs import ErrorLines
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
    calls = cast("Any", emporix)
    return DigestReports(calls, ErrorLines(calls, clock), clock)


async def test_counts_by_totals(reports: DigestReports) -> None:
    """Each status is counted, and the rest as others, in the period and in the one before."""
    report = await reports.read(connection(), Filters(), WINDOW)
    assert [(count.status, count.now, count.change) for count in report.counts] == [
        ("success", 99_000, 49_500),
        ("failure", 700, 350),
        ("in_progress", 0, 0),
        ("skipped", 250, 125),
        ("", 50, 25),
    ]
    assert report.total.now == 100_000
    assert (report.failed_share.now, report.failed_share.before) == (0.7, 0.7)


counts = st.none() | st.integers(0, 10**6)


@given(counts, st.lists(counts, min_size=4, max_size=4), st.integers(0, 100))
def test_counts_add_up(total: int | None, counted: list[int | None], failures: int) -> None:
    """The counts by status add up to the total, though jobs ended while they were counted."""
    statuses = ["", *REPORTED_STATUSES]
    trends = [
        StatusTrend(status, count, count)
        for status, count in zip(statuses, [total, *counted], strict=True)
    ]
    whole, parts = consistent(trends, failures)
    now = [part.now for part in parts]
    if None not in counted:
        assert whole.now == sum(filter(None, now))
        assert whole.now >= max(total or 0, failures)
        assert whole.before == sum(filter(None, [part.before for part in parts]))
    else:
        assert whole.now == total


async def test_reads_a_limited_number_of_failures(
    emporix: FakeEmporix, reports: DigestReports
) -> None:
    """Of any number of failures, a hundred are read and only their excerpts are kept."""
    report = await reports.read(connection(), Filters(), WINDOW)
    assert sum(asked.size for asked in emporix.asked if asked.size > 1) == MAX_FAILURES_READ
    assert [len(group.jobs) for group in report.groups] == [1] * MAX_GROUPS_SHOWN
    assert sum(len(group.jobs) for group in report.thread) == 20
    assert max(len(job.message) for group in report.thread for job in group.jobs) <= 1000
    assert (report.read, report.not_grouped) == (MAX_FAILURES_READ, 600)


async def test_every_failure_is_in_a_group_or_counted(reports: DigestReports) -> None:
    """Groups, other causes and failures that were not read add up to all failures."""
    report = await reports.read(connection(), Filters(), WINDOW)
    grouped = sum(group.count for group in report.groups)
    assert grouped + report.other_jobs + report.not_grouped == report.failed == 700
    shown = sum(len(group.jobs) for group in (*report.groups, *report.thread))
    assert shown + report.not_shown == 700


async def test_shows_each_cause_before_a_second_job_of_any(reports: DigestReports) -> None:
    """The thread keeps the groups, and begins with those that the message has no room for."""
    report = await reports.read(connection(), Filters(), WINDOW)
    shown = [*(group.jobs[0] for group in report.groups), *(g.jobs[0] for g in report.thread[:2])]
    assert len({job.message for job in shown}) == 7
    assert report.other_causes == 2
    ids = {group.job_ids for group in report.thread}
    assert all(job.id in set().union(*ids) for group in report.thread for job in group.jobs)


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
