"""Figures of the Home tab: few calls, and errors keep the known figures."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from bot.domain.accounts import Caller, Connection, Credentials
from bot.domain.filters import Filters
from bot.domain.jobs import AgentCount, Job, JobPage, RecentFailures, TenantStats
from bot.domain.times import DAY_SECONDS
from bot.emporix.query import ALL_TIMES, TimeRange
from bot.errors import BotError, RateLimited, StoreUnavailable, Unauthorized
from bot.services.home import HOME_EXCERPT_LENGTH, HOME_JOBS_SHOWN, TenantStatsReader
from tests.harness.clock import NOW, FakeClock

HELD = Connection(Caller("T", "U"), "acme", Credentials("id", "secret"), frozenset(), NOW)
KNOWN = TenantStats(
    "acme", requested_at=1.0, read_at=1.0, failed=RecentFailures((), 0, 0, 3, has_more=False)
)


@dataclass
class FakeEmporix:
    """Answers by status when it is released; an error instead of a page is raised."""

    pages: dict[str, JobPage | BotError] = field(default_factory=dict)
    asked: list[Filters] = field(default_factory=list)
    open: asyncio.Event = field(default_factory=asyncio.Event)
    asked_twice: asyncio.Event = field(default_factory=asyncio.Event)

    async def list_jobs(
        self, connection: Connection, filters: Filters, part: TimeRange = ALL_TIMES
    ) -> JobPage:
        self.asked.append(filters)
        if len(self.asked) == 2:
            self.asked_twice.set()
        await self.open.wait()
        page = self.pages.get(filters.statuses[0], page_of())
        if isinstance(page, BotError):
            raise page
        return page


def page_of(*jobs: Job, total: int | None = 0) -> JobPage:
    return JobPage(jobs, 1, HOME_JOBS_SHOWN, total, has_more=False)


@pytest.fixture
def emporix() -> FakeEmporix:
    emporix = FakeEmporix()
    emporix.open.set()
    return emporix


@pytest.fixture
def figures(emporix: FakeEmporix, clock: FakeClock) -> TenantStatsReader:
    return TenantStatsReader(cast("Any", emporix), clock)


async def test_reads_the_newest_failed_and_running_jobs(
    emporix: FakeEmporix, figures: TenantStatsReader
) -> None:
    """Failures and successes are limited to 24 hours, running jobs are not."""
    emporix.pages["success"] = page_of(Job(id="1"), total=203)
    found = await figures.read(HELD, None)
    failed, running, succeeded = sorted(emporix.asked, key=lambda filters: filters.statuses)
    assert (failed.statuses, failed.since, failed.size) == (("failure",), NOW - DAY_SECONDS, 50)
    assert (succeeded.since, succeeded.size) == (NOW - DAY_SECONDS, 1)
    assert found.succeeded == 203
    assert (running.statuses, running.since, running.size) == (
        ("in_progress",),
        None,
        HOME_JOBS_SHOWN,
    )


async def test_shortens_agent_messages(emporix: FakeEmporix, figures: TenantStatsReader) -> None:
    """The excerpt is the beginning of the agent's answer, or else of the message."""
    long = Job(id="1", message="in", response="x" * 10_000)
    emporix.pages["failure"] = page_of(long, Job(id="2", message="m"), total=2)
    found = await figures.read(HELD, None)
    assert found.failed is not None
    messages = [cause.newest.message for cause in found.failed.causes]
    assert messages == ["x" * HOME_EXCERPT_LENGTH, "m"]
    assert [cause.message for cause in found.failed.causes] == messages


async def test_groups_failures_by_cause(emporix: FakeEmporix, figures: TenantStatsReader) -> None:
    """Failures with the same cause are one line, however many agents they are of."""
    jobs = [
        Job(id=str(number), agent_id=agent, message=f"Tool call timed out after {number} s")
        for number, agent in enumerate(["a", "a", "b"])
    ]
    emporix.pages["failure"] = page_of(*jobs, Job(id="9", message="Order not found"), total=4)
    found = await figures.read(HELD, None)
    assert found.failed is not None
    first, second = found.failed.causes
    assert (first.count, first.agents) == (3, (AgentCount("a", 2), AgentCount("b", 1)))
    assert (first.job_ids, first.newest.id) == (("0", "1", "2"), "0")
    assert (second.count, second.message) == (1, "Order not found")
    assert (found.failed.read, found.failed.cause_count, found.failed.total) == (4, 2, 4)


async def test_an_empty_page_without_total_counts_as_zero(
    emporix: FakeEmporix, figures: TenantStatsReader
) -> None:
    """Emporix may omit the total of an empty list."""
    emporix.pages["failure"] = page_of(total=None)
    emporix.pages["in_progress"] = page_of(Job(id="1"), total=None)
    found = await figures.read(HELD, None)
    assert found.failed is not None
    assert found.running is not None
    assert (found.failed.total, found.running.total) == (0, None)


@pytest.mark.parametrize("status", ["failure", "in_progress"])
async def test_errors_keep_the_known_figures(
    emporix: FakeEmporix, figures: TenantStatsReader, status: str
) -> None:
    """After an error, the old figures are kept with their time and the time of the attempt."""
    emporix.pages[status] = Unauthorized("acme")
    found = await figures.read(HELD, KNOWN)
    assert (found.read_at, found.requested_at, found.error) == (1.0, NOW, "unauthorized")
    assert found.failed == KNOWN.failed
    assert (await figures.read(HELD, None)).read_at == 0


async def test_concurrent_readers_share_the_calls(
    emporix: FakeEmporix, figures: TenantStatsReader
) -> None:
    """Readers at the same time share three calls; the next reader makes new ones."""
    emporix.open.clear()
    asking = [asyncio.create_task(figures.read(HELD, None)) for _ in range(3)]
    await emporix.asked_twice.wait()
    emporix.open.set()
    one, *others = [await task for task in asking]
    assert others == [one, one]
    assert len(emporix.asked) == 3
    await figures.read(HELD, one)
    assert len(emporix.asked) == 6


async def test_a_cancelled_reader_does_not_cancel_the_others(
    emporix: FakeEmporix, figures: TenantStatsReader
) -> None:
    """Cancelling a reader, the first or not, does not affect the others."""
    emporix.open.clear()
    asking = [asyncio.create_task(figures.read(HELD, None)) for _ in range(3)]
    await emporix.asked_twice.wait()
    for one in asking[:2]:
        one.cancel()
    emporix.open.set()
    first, second, third = await asyncio.gather(*asking, return_exceptions=True)
    assert isinstance(first, asyncio.CancelledError)
    assert isinstance(second, asyncio.CancelledError)
    assert isinstance(third, TenantStats)


async def test_redis_errors_are_raised(emporix: FakeEmporix, figures: TenantStatsReader) -> None:
    """If Redis does not answer, the usual error is raised."""
    emporix.pages["failure"] = StoreUnavailable("TimeoutError")
    with pytest.raises(StoreUnavailable):
        await figures.read(HELD, KNOWN)
    emporix.pages["failure"] = RateLimited("acme")
    assert (await figures.read(HELD, KNOWN)).error == "rate_limited"
