"""Clean-ups with a real Redis and a fake list of jobs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from itertools import count
from typing import Any, cast

from bot.domain.accounts import Account, Caller, Connection
from bot.domain.cleanups import Cleanup, CleanupProgress
from bot.domain.filters import Filters
from bot.domain.jobs import Job, JobPage
from bot.emporix.query import TimeRange
from bot.services.cleanups.cleanups import CleanupService
from bot.services.cleanups.run import CleanupOwner, CleanupRuns
from bot.services.cleanups.selection import CleanupCounts
from bot.store.audit import AuditLog
from bot.store.cleanups import CleanupResults, CleanupStore
from bot.store.encryption import Cipher, new_key, parse_keys
from bot.store.health import Heartbeats
from tests.harness.clock import FakeClock
from tests.harness.job_list import FakeJobList
from tests.store.fixtures import ADA, connection

FILTERS = Filters(agents=("a",))
CIPHER = Cipher(parse_keys(new_key()))


class Killed(BaseException):
    """The worker is killed."""


class FakeEmporix:
    """The jobs of a fake list; `deleted` are the ids that were deleted, in order.

    `before` and `after` are called around each delete; they may raise.
    """

    def __init__(self, job_list: FakeJobList) -> None:
        self.job_list = job_list
        self.deleted: list[str] = []
        self.before: Callable[[str], None] = lambda job_id: None
        self.after: Callable[[str], None] = lambda job_id: None
        self.before_list: Callable[[str], None] = lambda query: None
        self.before_page: Callable[[int], None] = lambda size: None
        self.ignores_filters = False

    async def list_jobs(self, connection: Connection, filters: Filters, part: TimeRange) -> JobPage:
        self.before_list("")
        self.before_page(filters.size)
        if self.ignores_filters:
            filters = Filters(sort=filters.sort, page=filters.page, size=filters.size)
        return await self.job_list(filters, part)

    async def delete_job(self, connection: Connection, job_id: str) -> bool:
        self.before(job_id)
        was_there = job_id in self.job_list.present
        self.job_list.remove(job_id)
        self.deleted += [job_id] * was_there
        self.after(job_id)
        return was_there


class FakeAccounts:
    """Ada's connection to acme, if `connected`; `before` is called before each load."""

    def __init__(self) -> None:
        self.connected = True
        self.before: Callable[[], Awaitable[None]] | None = None

    async def load(self, caller: Caller) -> Account:
        if self.before:
            await self.before()
        return Account(caller, {"acme": connection()} if self.connected else {}, "acme")


class FakeOwner:
    """Ada in Slack: what she was shown and sent; `before_file` may raise."""

    def __init__(self) -> None:
        self.shown = list[CleanupProgress]()
        self.files = list[list[str]]()
        self.has_left = False
        self.before_file: Callable[[str], None] = lambda name: None
        self.reached = CleanupOwner(self.show, self.send, self.is_gone)

    async def show(self, progress: CleanupProgress) -> str:
        self.shown.append(progress)
        return "D0001:1.0"

    async def send(self, clean: Cleanup, jobs: Sequence[Job], number: int) -> None:
        self.before_file(str(number))
        self.files.append([job.id for job in jobs])

    async def is_gone(self, caller: Caller) -> bool:
        return self.has_left


class CleanupHarness:
    """One of Ada's clean-ups, step by step; `owner` has what she has seen of it."""

    def __init__(
        self,
        redis: Any,
        clock: FakeClock,
        *,
        counts: bool = True,
        allowed: bool = True,
        cipher: Cipher = CIPHER,
    ) -> None:
        numbers = count(1)
        self.clock, self.job_list = clock, FakeJobList(clock, counts=counts)
        self.emporix, self.accounts = FakeEmporix(self.job_list), FakeAccounts()
        self.store, self.results, self.audit = (
            CleanupStore(redis, cipher),
            CleanupResults(redis),
            AuditLog(redis),
        )
        self.redis = redis
        emporix, accounts = cast("Any", (self.emporix, self.accounts))
        self.cleaning = CleanupService(
            CleanupCounts(emporix),
            accounts,
            self.store,
            self.results,
            Heartbeats(redis),
            clock=clock,
            new_cleanup_id=lambda: f"clean-{next(numbers)}",
            allowed=allowed,
        )
        self.runs = CleanupRuns(
            emporix,
            accounts,
            self.store,
            self.results,
            self.audit,
            clock=clock,
            new_holder=lambda: f"worker-{next(numbers)}",
            allowed=allowed,
        )
        self.owner = FakeOwner()

    async def begin(self, filters: Filters = FILTERS) -> Cleanup:
        """Preview the clean-up, and confirm the number."""
        account = await self.accounts.load(ADA)
        preview = await self.cleaning.preview(account, filters)
        number = str(preview.cleanup.counted)
        return (await self.cleaning.confirm(ADA, preview.cleanup.id, number)).cleanup

    async def run_slice(self, clean: Cleanup) -> float | None:
        return await self.runs.run(clean.id, self.owner.reached)

    async def run_to_end(self, clean: Cleanup) -> CleanupProgress:
        """Run slice after slice without delays; returns the report."""
        while (seconds := await self.run_slice(clean)) is not None:
            self.clock.forward(seconds)
        report = self.shown[-1]
        assert report.cleanup.end_reason
        assert_adds_up(report)
        return report

    async def die(self, clean: Cleanup) -> None:
        """Run a slice in which the worker is killed, and wait until its lease has expired."""
        try:
            await self.run_slice(clean)
        except Killed:
            await self.redis.delete(*(await self.redis.keys("*:lease")) or ["none"])
            return
        raise AssertionError("nothing killed the worker")

    @property
    def shown(self) -> list[CleanupProgress]:
        return self.owner.shown

    async def continue_after_end(self, clean: Cleanup) -> Cleanup:
        """Continue an ended clean-up, and confirm the remaining number."""
        asked = await self.cleaning.count_remaining(await self.accounts.load(ADA), clean.id)
        return (await self.cleaning.confirm(ADA, asked.id, str(asked.counted))).cleanup


def assert_adds_up(progress: CleanupProgress) -> None:
    """Every counted job has one result, or is left."""
    parts = (progress.deleted, progress.already_gone, progress.missing, progress.remaining)
    assert sum(parts) + sum(progress.refused.values()) == progress.cleanup.counted
    assert min(parts) >= 0


def once(error: BaseException) -> Callable[[str], None]:
    """Raise an error at the first call."""
    return on_call(1, error)


def on_call(number: int, error: BaseException) -> Callable[[str], None]:
    """Raise an error at one call, counted from 1."""
    return at_call(number, lambda: throw(error))


def at_call(number: int, happens: Callable[[], None]) -> Callable[[str], None]:
    """Do something at one call, counted from 1."""
    calls = count(1)

    def happen(_: str) -> None:
        if next(calls) == number:
            happens()

    return happen


def for_the_first(number: int, error: BaseException) -> Callable[[str], None]:
    """Raise an error at the first calls."""
    calls = count(1)

    def happen(_: str) -> None:
        if next(calls) <= number:
            raise error

    return happen


def throw(error: BaseException) -> None:
    raise error


def always(error: BaseException) -> Callable[[str], None]:
    def happen(_: str) -> None:
        raise error

    return happen


def most_of_the_time(error: BaseException) -> Callable[[str], None]:
    """Raise an error at three of four calls."""
    calls = count(1)

    def happen(_: str) -> None:
        if next(calls) % 4:
            raise error

    return happen


def for_jobs(job_ids: set[str], error: BaseException) -> Callable[[str], None]:
    def happen(job_id: str) -> None:
        if job_id in job_ids:
            raise error

    return happen
