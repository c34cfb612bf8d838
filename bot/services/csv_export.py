"""A list as a whole: all jobs that its query finds, read page by page, one after the other."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Protocol

from bot.domain.accounts import Account, Caller
from bot.domain.filters import Filters
from bot.domain.lists import ListCursor
from bot.emporix.client import MAX_PAGE_SIZE
from bot.emporix.models import Job
from bot.errors import (
    Busy,
    EmporixFailed,
    EmporixTooLarge,
    InvalidInput,
    ProxyAnswered,
    RateLimited,
)
from bot.services.accounts import require_connection
from bot.services.filters.form import lengthen
from bot.services.pagination import Call, JobSource, ListsJobs, Page, first_look, look_again

logger = logging.getLogger(__name__)

MOST_JOBS = 5_000
MOST_CHARACTERS = 10_000_000  # of texts, so that they fit into memory, some lists at once
LONGEST_TEXT = 32_767  # Excel: a cell holds no more
MOST_LISTS = 10  # at once, of all users together: so much memory they may take
MOST_CALLS = 5  # at once: a list that waits for Emporix makes none, and blocks no other
MOST_SECONDS = 10 * 60.0  # for one list, with all pauses
SIZES = (MAX_PAGE_SIZE - 1, 12, 3)
"""Jobs in a page, which begins with one that was read before; fewer where a page is too large."""

MOST_PAUSES, PAUSE, LONGEST_PAUSE = 5, 5.0, 30.0  # seconds, where Emporix wants to be left alone

Progress = Callable[[int, int | None], Awaitable[None]]
"""Is told how many jobs have been read, of how many, None where Emporix does not say."""


class Cursors(Protocol):
    """Where lists are kept."""

    async def load(
        self, caller: Caller, cursor_id: str, *, owner: str = ""
    ) -> ListCursor | None: ...


@dataclass(frozen=True, slots=True)
class Wanted:
    """A list by its cursor, which may be `known` already, or by the short form of its `query`.

    `owner` is who shared it, empty for a list of the user's own.
    """

    cursor_id: str
    query: str
    owner: str = ""
    known: ListCursor | None = None


@dataclass(frozen=True, slots=True)
class CompleteList:
    """`jobs` are all there are unless `is_cut`; `total` is how many Emporix counts, if it does."""

    jobs: tuple[Job, ...]
    filters: Filters
    tenant: str
    total: int | None
    is_cut: bool
    read_at: float


class CsvExport:
    """Whole lists of a user's tenants; each user reads one at a time."""

    def __init__(
        self,
        emporix: ListsJobs,
        cursors: Cursors,
        *,
        clock: Callable[[], float],
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
        timeout: Callable[[float], asyncio.Timeout] = asyncio.timeout,
    ) -> None:
        self._emporix, self._cursors = emporix, cursors
        self._clock, self._pause, self._timeout = clock, pause, timeout
        self._calls = asyncio.Semaphore(MOST_CALLS)
        self._reading: set[Caller] = set()

    async def read(self, account: Account, wanted: Wanted, progress: Progress) -> CompleteList:
        """All jobs of the list as it is shown, or of its query anew where it has expired.

        Raises OutdatedButton where neither is known, Busy where one is being read, InvalidInput
        after MOST_SECONDS, NotConnected, StoreUnavailable and what Emporix raises.
        """
        cursor = wanted.known or await self._cursors.load(
            account.caller, wanted.cursor_id, owner=wanted.owner
        )
        cursor = cursor or _anew(account, wanted.query)
        connection = require_connection(account, cursor.tenant)
        call = JobSource(self._emporix, connection, cursor.searched).page
        async with self._one_of(account.caller):
            found = await self._read(call, cursor, progress)
        return replace(found, tenant=connection.tenant)

    @asynccontextmanager
    async def _one_of(self, caller: Caller) -> AsyncIterator[None]:
        if caller in self._reading or len(self._reading) >= MOST_LISTS:
            raise Busy
        self._reading.add(caller)
        limit = self._timeout(MOST_SECONDS)
        try:
            async with limit:
                yield
        except TimeoutError as error:
            if not limit.expired():
                raise
            logger.warning("a download of a list ended after %d minutes", MOST_SECONDS // 60)
            raise InvalidInput(
                "I stopped this download, since it took longer than 10 minutes",
                advice="Narrow the filters, for example by since: and until:, and try again.",
            ) from error
        finally:
            self._reading.discard(caller)

    async def _read(self, call: Call, cursor: ListCursor, progress: Progress) -> CompleteList:
        now, filters = self._clock(), replace(cursor.filters, fields=(), page=1)
        asked = replace(cursor, filters=filters, positions=())
        jobs: list[Job] = []
        characters, number, has_more = 0, 1, True
        total = None
        while has_more and len(jobs) < MOST_JOBS and characters < MOST_CHARACTERS:
            page = await self._page(call, asked, number)
            read = [within_cells(job) for job in page.jobs]
            characters += sum(len(job.message) + len(job.response) for job in read)
            jobs += read
            asked, total, number = page.cursor, page.total, number + 1
            has_more = page.has_more and bool(page.jobs)
            await progress(len(jobs), total)
        is_cut = has_more or len(jobs) > MOST_JOBS
        return CompleteList(tuple(jobs[:MOST_JOBS]), filters, cursor.tenant, total, is_cut, now)

    async def _page(self, call: Call, cursor: ListCursor, number: int) -> Page:
        """Page `number`, of fewer jobs where the texts of many are more than Emporix may send."""
        *wide, least = (replace(cursor, filters=replace(cursor.filters, size=n)) for n in SIZES)
        for sized in wide:
            try:
                return await self._patiently(call, sized, number)
            except (EmporixTooLarge, EmporixFailed, ProxyAnswered):
                continue
        return await self._patiently(call, least, number)

    async def _patiently(self, call: Call, cursor: ListCursor, number: int) -> Page:
        for _ in range(MOST_PAUSES):
            try:
                return await self._look(call, cursor, number)
            except RateLimited as error:
                wait = PAUSE if error.retry_after is None else error.retry_after
                if wait > LONGEST_PAUSE:
                    raise
            await self._pause(wait)
        return await self._look(call, cursor, number)

    async def _look(self, call: Call, cursor: ListCursor, number: int) -> Page:
        """As the list was when it was shown; a new list is as it is now."""
        async with self._calls:
            if number == 1 and not cursor.until:
                return await first_look(call, cursor, 1, self._clock())
            return await look_again(call, cursor, number)


def _anew(account: Account, query: str) -> ListCursor:
    """The list that a button remembers; raises OutdatedButton where it remembers none."""
    filters, searched = lengthen(query)
    return ListCursor("", account.caller, filters.tenant, filters, searched)


def within_cells(job: Job) -> Job:
    """Without what no cell holds: a list of long texts must fit into memory."""
    return replace(
        job, message=job.message[:LONGEST_TEXT], response=job.response[:LONGEST_TEXT], extra={}
    )
