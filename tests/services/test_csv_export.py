"""Exports of whole lists: every job once, within limits."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any, cast

import pytest

from bot.domain.accounts import Account, Caller, Connection
from bot.domain.filters import Filters
from bot.domain.jobs import JobPage
from bot.domain.lists import ListCursor
from bot.emporix.query import TimeRange
from bot.errors import (
    Busy,
    EmporixFailed,
    EmporixTooLarge,
    InvalidInput,
    OutdatedButton,
    RateLimited,
)
from bot.services.exports import (
    MAX_CELL_LENGTH,
    MAX_CSV_CHARACTERS,
    MAX_CSV_JOBS,
    MAX_EXPORT_PAUSES,
    CompleteList,
    CsvExport,
    ListRequest,
)
from bot.services.filters.parser import to_compact
from sandbox.emporix.times import iso
from tests.harness.clock import FakeClock
from tests.harness.job_list import FakeJobList
from tests.store.fixtures import ADA, connection

ALL = Filters()
ACCOUNT = Account(ADA, {"acme": connection()}, "acme")


class FakeEmporix:
    """The fake job list behind the client's methods; `before` runs before each response."""

    def __init__(self, job_list: FakeJobList) -> None:
        self.job_list = job_list
        self.before: Callable[[Filters], Awaitable[None]] | None = None
        self.searched = 0
        self.at_once = 0

    async def list_jobs(
        self, connection: Connection, filters: Filters, part: TimeRange, *, searched: bool = False
    ) -> JobPage:
        self.searched += searched
        self.at_once += 1
        assert self.at_once == 1, "one call after the other"
        if self.before:
            await self.before(filters)
        self.at_once -= 1
        return await self.job_list(filters, part)


class FakeCursors:
    """Stores one cursor, or none."""

    def __init__(self, cursor: ListCursor | None = None) -> None:
        self.cursor = cursor

    async def load(self, caller: Caller, cursor_id: str, *, owner: str = "") -> ListCursor | None:
        return self.cursor


class CsvHarness:
    """A `CsvExport` over a fake job list; `reported` is the progress, `pauses` the waits."""

    def __init__(self, clock: FakeClock, *, counts: bool = True) -> None:
        self.clock = clock
        self.job_list = FakeJobList(clock, counts=counts)
        self.emporix, self.cursors = FakeEmporix(self.job_list), FakeCursors()
        self.reported: list[tuple[int, int | None]] = []
        self.pauses: list[float] = []
        self.limits: list[tuple[float, asyncio.Timeout]] = []
        self.waits: asyncio.Queue[float] = asyncio.Queue()
        self.lists = CsvExport(
            *cast("Any", (self.emporix, self.cursors)), clock=clock, pause=self._pause
        )

    async def read(
        self, filters: Filters = ALL, account: Account = ACCOUNT, **more: bool
    ) -> CompleteList:
        query = to_compact(replace(filters, tenant="acme"), searched=more.get("searched", False))
        return await self.lists.read(account, ListRequest("gone", query), self._report)

    async def read_shown(self, cursor: ListCursor) -> CompleteList:
        return await self.lists.read(
            ACCOUNT, ListRequest(cursor.id, "", cursor=cursor), self._report
        )

    def expire(self) -> None:
        for _, limit in self.limits:
            if not limit.expired():
                with suppress(RuntimeError):  # that list was read in time
                    limit.reschedule(asyncio.get_running_loop().time())

    async def _pause(self, seconds: float) -> None:
        self.pauses.append(seconds)

    async def _report(self, done: int, total: int | None) -> None:
        self.reported.append((done, total))


@pytest.fixture
def harness(clock: FakeClock) -> CsvHarness:
    return CsvHarness(clock)


def ids(found: CompleteList) -> list[str]:
    return [job.id for job in found.jobs]


@pytest.mark.parametrize("sort", ["metadata.createdAt:DESC", "agentId:ASC"])
@pytest.mark.parametrize("counts", [True, False])
async def test_reads_every_job_once(clock: FakeClock, sort: str, counts: bool) -> None:
    """All jobs are read in the order of the list, in pages of any size."""
    harness = CsvHarness(clock, counts=counts)
    for age in range(230):
        harness.job_list.put(float(age), agent=str(age % 7))
    found = await harness.read(Filters(sort=sort, size=3, page=2))
    assert len(found.jobs) == len(set(ids(found))) == 230
    assert not found.is_cut
    assert found.total in (230, None)
    if sort.startswith("metadata"):
        assert ids(found) == harness.job_list.ids


async def test_reads_jobs_with_equal_times_and_without(harness: CsvHarness) -> None:
    """More than a page of jobs with one time are read, and jobs without a time."""
    for _ in range(130):
        harness.job_list.put(60.0)
    for _ in range(70):
        harness.job_list.put(None)
    found = await harness.read()
    assert set(ids(found)) == harness.job_list.present
    assert len(found.jobs) == 200


async def test_a_hundred_calls_read_five_thousand_jobs(harness: CsvHarness) -> None:
    """An export takes little more than one call per page, one after the other."""
    for age in range(MAX_CSV_JOBS):
        harness.job_list.put(float(age))
    found = await harness.read()
    assert (len(found.jobs), found.is_cut) == (MAX_CSV_JOBS, False)
    assert harness.job_list.calls <= 105
    assert harness.reported[0] == (49, MAX_CSV_JOBS)
    assert harness.reported[-1] == (MAX_CSV_JOBS, MAX_CSV_JOBS)


async def test_reports_that_a_list_is_cut(harness: CsvHarness) -> None:
    """A list with one job more than a file takes is reported as cut."""
    for age in range(MAX_CSV_JOBS + 1):
        harness.job_list.put(float(age))
    found = await harness.read()
    assert (len(found.jobs), found.is_cut, found.total) == (MAX_CSV_JOBS, True, MAX_CSV_JOBS + 1)


async def test_long_texts_make_a_shorter_list(harness: CsvHarness) -> None:
    """The memory for long texts is limited, too."""
    job_ids = [harness.job_list.put(float(age)) for age in range(400)]
    for job_id in job_ids:
        harness.job_list.jobs.put(
            {**(harness.job_list.jobs.get(job_id) or {}), "message": "x" * 100_000}
        )
    found = await harness.read()
    assert {len(job.message) for job in found.jobs} == {MAX_CELL_LENGTH}
    assert found.is_cut
    assert MAX_CSV_CHARACTERS <= len(found.jobs) * MAX_CELL_LENGTH < 1.2 * MAX_CSV_CHARACTERS


async def test_exports_the_list_as_it_was_shown(harness: CsvHarness) -> None:
    """Jobs that arrived later are not exported, and all fields are, whatever the list shows."""
    for age in range(1, 61):
        harness.job_list.put(float(age))
    until = iso(harness.clock())
    cursor = ListCursor("c", ADA, "acme", Filters(tenant="acme", fields=("id",)), until=until)
    harness.clock.forward(10)
    harness.job_list.put(0.0)
    found = await harness.read_shown(cursor)
    assert ids(found) == harness.job_list.ids[:60]
    assert found.jobs[0].created_at


async def test_changes_between_pages_make_no_gap(harness: CsvHarness) -> None:
    """Jobs that arrive or are deleted between two pages hide no other job."""
    for age in range(200):
        harness.job_list.put(float(age))
    before = list(harness.job_list.ids)

    async def happen(_: Filters) -> None:
        harness.clock.forward(1)
        harness.job_list.put(0.0)
        if 0 < harness.job_list.calls <= 4:
            harness.job_list.remove(before[harness.job_list.calls])

    harness.emporix.before = happen
    found = await harness.read()
    assert set(before[5:]) <= set(ids(found))
    assert len(found.jobs) == len(set(ids(found)))


async def test_a_search_uses_the_search_call(harness: CsvHarness) -> None:
    """The export uses the call with which the list was made."""
    harness.job_list.put(1.0)
    await harness.read(Filters(words=("refund",)), searched=True)
    assert harness.emporix.searched == 1


async def test_reads_smaller_pages_if_one_is_too_large(harness: CsvHarness) -> None:
    """Jobs whose messages exceed Emporix's response limit are read in smaller pages."""
    for age in range(100):
        harness.job_list.put(float(age))

    async def refuse(filters: Filters) -> None:
        if filters.size > 13:
            harness.emporix.at_once -= 1
            raise EmporixTooLarge

    harness.emporix.before = refuse
    found = await harness.read()
    assert ids(found) == harness.job_list.ids


async def test_waits_for_rate_limits(harness: CsvHarness) -> None:
    """After a 429, an export waits as long as Emporix asks and then continues."""
    for age in range(100):
        harness.job_list.put(float(age))
    harness.emporix.before = _limited(harness, times=2, retry_after=7.0)
    found = await harness.read()
    assert (len(found.jobs), harness.pauses) == (100, [7.0, 7.0])


@pytest.mark.parametrize(("retry_after", "pauses"), [(31.0, 0), (None, MAX_EXPORT_PAUSES)])
async def test_gives_up_on_long_rate_limits(
    harness: CsvHarness, retry_after: float | None, pauses: int
) -> None:
    """If Emporix requests a pause of minutes, the error says when to try again."""
    harness.job_list.put(1.0)
    harness.emporix.before = _limited(harness, times=99, retry_after=retry_after)
    with pytest.raises(RateLimited):
        await harness.read()
    assert harness.pauses == [5.0] * pauses


async def test_one_list_at_a_time(harness: CsvHarness) -> None:
    """A second click is refused, other users can export, and an error does not block the next
    export.
    """
    harness.job_list.put(1.0)
    refused: list[bool] = []

    async def click_again(_: Filters) -> None:
        harness.emporix.before = None
        with pytest.raises(Busy):
            await harness.read()
        refused.append(True)
        harness.emporix.at_once -= 1
        raise EmporixFailed

    harness.emporix.before = click_again
    assert len((await harness.read()).jobs) == 1
    assert refused == [True]
    assert len((await harness.read()).jobs) == 1


@pytest.fixture
def waiting(clock: FakeClock) -> CsvHarness:
    """Emporix limits every list, and no pause ends; `expire` triggers the timeout."""
    harness = CsvHarness(clock)
    harness.job_list.put(1.0)
    harness.emporix.before = _limited(harness, times=10_000, retry_after=30.0)

    async def wait(seconds: float) -> None:
        harness.waits.put_nowait(seconds)
        await asyncio.Event().wait()

    def timeout(seconds: float) -> asyncio.Timeout:
        limit = asyncio.timeout(None)
        harness.limits.append((seconds, limit))
        return limit

    harness.lists = CsvExport(
        *cast("Any", (harness.emporix, harness.cursors)), clock=clock, pause=wait, timeout=timeout
    )
    return harness


async def test_a_download_ends_after_ten_minutes(
    waiting: CsvHarness, caplog: pytest.LogCaptureFixture
) -> None:
    """The time limit includes pauses, says what to do, and allows another download."""
    for number in (1, 2):
        reading = asyncio.ensure_future(waiting.read())
        await waiting.waits.get()
        with pytest.raises(Busy):
            await waiting.read()
        waiting.expire()
        with pytest.raises(InvalidInput, match="longer than 10 minutes") as raised:
            await reading
        assert raised.value.advice.startswith("Narrow the filters")
        assert [seconds for seconds, _ in waiting.limits] == [600.0] * number
    assert "a download of a list timed out after 10 minutes" in caplog.text


async def test_waiting_exports_block_no_other(waiting: CsvHarness) -> None:
    """While nine exports wait for the rate limit, a tenth runs and an eleventh is refused."""
    callers = [Caller("T", f"U{number}") for number in range(9)]
    accounts = [Account(one, ACCOUNT.connections, "acme") for one in callers]
    others = [asyncio.ensure_future(waiting.read(account=one)) for one in accounts]
    for _ in others:
        await waiting.waits.get()
    refused: list[bool] = []

    async def eleventh(_: Filters) -> None:
        waiting.emporix.before = None
        with pytest.raises(Busy):
            await waiting.read(account=Account(Caller("T", "U10"), ACCOUNT.connections, "acme"))
        refused.append(True)

    waiting.emporix.before = eleventh
    assert len((await waiting.read()).jobs) == 1
    assert refused == [True]
    waiting.expire()
    ended = await asyncio.gather(*others, return_exceptions=True)
    assert all(isinstance(one, InvalidInput) for one in ended)


async def test_a_list_without_cursor_and_query_is_outdated(harness: CsvHarness) -> None:
    """A list is outdated if neither its cursor nor its query can be read."""
    with pytest.raises(OutdatedButton):
        await harness.lists.read(ACCOUNT, ListRequest("gone", ""), harness._report)


def _limited(
    harness: CsvHarness, *, times: int, retry_after: float | None
) -> Callable[[Filters], Awaitable[None]]:
    left = [times]

    async def limit(_: Filters) -> None:
        if left[0]:
            left[0] -= 1
            harness.emporix.at_once -= 1
            error = RateLimited()
            error.retry_after = retry_after
            raise error

    return limit
