"""A whole list has every job of its query once, and no more than is good."""

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
from bot.emporix.time_range import TimeRange
from bot.errors import (
    Busy,
    EmporixFailed,
    EmporixTooLarge,
    InvalidInput,
    OutdatedButton,
    RateLimited,
)
from bot.services.csv_export import (
    MAX_CELL_LENGTH,
    MAX_CSV_CHARACTERS,
    MAX_CSV_JOBS,
    MAX_EXPORT_PAUSES,
    CompleteList,
    CsvExport,
    ListRequest,
)
from bot.services.filters.form import to_compact
from sandbox.emporix.times import iso
from tests.harness.clock import FakeClock
from tests.harness.job_list import Shelf
from tests.store.fixtures import ADA, connection

ALL = Filters()
ACCOUNT = Account(ADA, {"acme": connection()}, "acme")


class FakeEmporix:
    """The shelf behind the client's methods; `before` is what happens ahead of each answer."""

    def __init__(self, shelf: Shelf) -> None:
        self.shelf = shelf
        self.before: Callable[[Filters], Awaitable[None]] | None = None
        self.searched = 0
        self.at_once = 0

    async def list_jobs(self, connection: Connection, filters: Filters, part: TimeRange) -> JobPage:
        self.at_once += 1
        assert self.at_once == 1, "one call after the other"
        if self.before:
            await self.before(filters)
        self.at_once -= 1
        return await self.shelf(filters, part)

    async def search_jobs(
        self, connection: Connection, filters: Filters, part: TimeRange
    ) -> JobPage:
        self.searched += 1
        return await self.list_jobs(connection, filters, part)


class FakeCursors:
    """Keeps one cursor, or none."""

    def __init__(self, cursor: ListCursor | None = None) -> None:
        self.cursor = cursor

    async def load(self, caller: Caller, cursor_id: str, *, owner: str = "") -> ListCursor | None:
        return self.cursor


class Desk:
    """One service over a shelf of jobs; `told` is the progress, `pauses` the waits."""

    def __init__(self, clock: FakeClock, *, counts: bool = True) -> None:
        self.clock = clock
        self.shelf = Shelf(clock, counts=counts)
        self.emporix, self.cursors = FakeEmporix(self.shelf), FakeCursors()
        self.told: list[tuple[int, int | None]] = []
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
        return await self.lists.read(account, ListRequest("gone", query), self._tell)

    async def read_shown(self, cursor: ListCursor) -> CompleteList:
        return await self.lists.read(ACCOUNT, ListRequest(cursor.id, "", cursor=cursor), self._tell)

    def expire(self) -> None:
        for _, limit in self.limits:
            if not limit.expired():
                with suppress(RuntimeError):  # that list was read in time
                    limit.reschedule(asyncio.get_running_loop().time())

    async def _pause(self, seconds: float) -> None:
        self.pauses.append(seconds)

    async def _tell(self, done: int, total: int | None) -> None:
        self.told.append((done, total))


@pytest.fixture
def desk(clock: FakeClock) -> Desk:
    return Desk(clock)


def ids(found: CompleteList) -> list[str]:
    return [job.id for job in found.jobs]


@pytest.mark.parametrize("sort", ["metadata.createdAt:DESC", "agentId:ASC"])
@pytest.mark.parametrize("counts", [True, False])
async def test_reads_every_job_once(clock: FakeClock, sort: str, counts: bool) -> None:
    """In the order of the list, by pages as long as Emporix gives them."""
    desk = Desk(clock, counts=counts)
    for age in range(230):
        desk.shelf.put(float(age), agent=str(age % 7))
    found = await desk.read(Filters(sort=sort, size=3, page=2))
    assert len(found.jobs) == len(set(ids(found))) == 230
    assert not found.is_cut
    assert found.total in (230, None)
    if sort.startswith("metadata"):
        assert ids(found) == desk.shelf.ids


async def test_jobs_of_one_moment_and_of_none_are_there(desk: Desk) -> None:
    """More than a page may share a time, and some have none."""
    for _ in range(130):
        desk.shelf.put(60.0)
    for _ in range(70):
        desk.shelf.put(None)
    found = await desk.read()
    assert set(ids(found)) == desk.shelf.present
    assert len(found.jobs) == 200


async def test_a_hundred_calls_read_five_thousand_jobs(desk: Desk) -> None:
    """Little more than one call a page, one after the other."""
    for age in range(MAX_CSV_JOBS):
        desk.shelf.put(float(age))
    found = await desk.read()
    assert (len(found.jobs), found.is_cut) == (MAX_CSV_JOBS, False)
    assert desk.shelf.calls <= 105
    assert desk.told[0] == (49, MAX_CSV_JOBS)
    assert desk.told[-1] == (MAX_CSV_JOBS, MAX_CSV_JOBS)


async def test_says_where_it_was_cut(desk: Desk) -> None:
    """One job more than a file takes."""
    for age in range(MAX_CSV_JOBS + 1):
        desk.shelf.put(float(age))
    found = await desk.read()
    assert (len(found.jobs), found.is_cut, found.total) == (MAX_CSV_JOBS, True, MAX_CSV_JOBS + 1)


async def test_long_texts_make_a_shorter_list(desk: Desk) -> None:
    """What is kept in memory has a bound, too."""
    job_ids = [desk.shelf.put(float(age)) for age in range(400)]
    for job_id in job_ids:
        desk.shelf.jobs.put({**(desk.shelf.jobs.get(job_id) or {}), "message": "x" * 100_000})
    found = await desk.read()
    assert {len(job.message) for job in found.jobs} == {MAX_CELL_LENGTH}
    assert found.is_cut
    assert MAX_CSV_CHARACTERS <= len(found.jobs) * MAX_CELL_LENGTH < 1.2 * MAX_CSV_CHARACTERS


async def test_it_is_the_list_that_is_shown(desk: Desk) -> None:
    """Jobs that came after the list was read first are not part of it, nor its narrow fields."""
    for age in range(1, 61):
        desk.shelf.put(float(age))
    until = iso(desk.clock())
    cursor = ListCursor("c", ADA, "acme", Filters(tenant="acme", fields=("id",)), until=until)
    desk.clock.forward(10)
    desk.shelf.put(0.0)
    found = await desk.read_shown(cursor)
    assert ids(found) == desk.shelf.ids[:60]
    assert found.jobs[0].created_at


async def test_jobs_that_come_and_go_meanwhile_make_no_gap(desk: Desk) -> None:
    """Between two pages one job arrives and one that was read is deleted."""
    for age in range(200):
        desk.shelf.put(float(age))
    before = list(desk.shelf.ids)

    async def happen(_: Filters) -> None:
        desk.clock.forward(1)
        desk.shelf.put(0.0)
        if 0 < desk.shelf.calls <= 4:
            desk.shelf.remove(before[desk.shelf.calls])

    desk.emporix.before = happen
    found = await desk.read()
    assert set(before[5:]) <= set(ids(found))
    assert len(found.jobs) == len(set(ids(found)))


async def test_a_search_is_a_search(desk: Desk) -> None:
    """By the call that the list was made by."""
    desk.shelf.put(1.0)
    await desk.read(Filters(words=("refund",)), searched=True)
    assert desk.emporix.searched == 1


async def test_smaller_pages_where_one_is_too_large(desk: Desk) -> None:
    """Fifty huge messages are more than Emporix may send at once."""
    for age in range(100):
        desk.shelf.put(float(age))

    async def refuse(filters: Filters) -> None:
        if filters.size > 13:
            desk.emporix.at_once -= 1
            raise EmporixTooLarge

    desk.emporix.before = refuse
    found = await desk.read()
    assert ids(found) == desk.shelf.ids


async def test_waits_as_long_as_emporix_wants(desk: Desk) -> None:
    """And then goes on where it was."""
    for age in range(100):
        desk.shelf.put(float(age))
    desk.emporix.before = _limited(desk, times=2, retry_after=7.0)
    found = await desk.read()
    assert (len(found.jobs), desk.pauses) == (100, [7.0, 7.0])


@pytest.mark.parametrize(("retry_after", "pauses"), [(31.0, 0), (None, MAX_EXPORT_PAUSES)])
async def test_gives_up_in_the_end(desk: Desk, retry_after: float | None, pauses: int) -> None:
    """Nobody waits for minutes; the error says when to try again."""
    desk.shelf.put(1.0)
    desk.emporix.before = _limited(desk, times=99, retry_after=retry_after)
    with pytest.raises(RateLimited):
        await desk.read()
    assert desk.pauses == [5.0] * pauses


async def test_one_list_at_a_time(desk: Desk) -> None:
    """A second press is told so, others may read, and after an error it goes on."""
    desk.shelf.put(1.0)
    refused: list[bool] = []

    async def press_again(_: Filters) -> None:
        desk.emporix.before = None
        with pytest.raises(Busy):
            await desk.read()
        refused.append(True)
        desk.emporix.at_once -= 1
        raise EmporixFailed

    desk.emporix.before = press_again
    assert len((await desk.read()).jobs) == 1
    assert refused == [True]
    assert len((await desk.read()).jobs) == 1


@pytest.fixture
def waiting(clock: FakeClock) -> Desk:
    """Emporix wants every list to wait, and no pause ends; `expire` lets the time pass."""
    desk = Desk(clock)
    desk.shelf.put(1.0)
    desk.emporix.before = _limited(desk, times=10_000, retry_after=30.0)

    async def wait(seconds: float) -> None:
        desk.waits.put_nowait(seconds)
        await asyncio.Event().wait()

    def timeout(seconds: float) -> asyncio.Timeout:
        limit = asyncio.timeout(None)
        desk.limits.append((seconds, limit))
        return limit

    desk.lists = CsvExport(
        *cast("Any", (desk.emporix, desk.cursors)), clock=clock, pause=wait, timeout=timeout
    )
    return desk


async def test_a_download_ends_after_ten_minutes(
    waiting: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    """Pauses included; the person reads why and what to do, and may begin another one."""
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
    assert "a download of a list ended after 10 minutes" in caplog.text


async def test_lists_that_wait_block_no_other(waiting: Desk) -> None:
    """Nine wait for Emporix's rate limit; the tenth is read meanwhile, and an eleventh is refused.

    Ten fit into memory.
    """
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


async def test_a_list_that_nobody_remembers_is_outdated(desk: Desk) -> None:
    """Neither its cursor nor its query."""
    with pytest.raises(OutdatedButton):
        await desk.lists.read(ACCOUNT, ListRequest("gone", ""), desk._tell)


def _limited(
    desk: Desk, *, times: int, retry_after: float | None
) -> Callable[[Filters], Awaitable[None]]:
    left = [times]

    async def limit(_: Filters) -> None:
        if left[0]:
            left[0] -= 1
            desk.emporix.at_once -= 1
            error = RateLimited()
            error.retry_after = retry_after
            raise error

    return limit
