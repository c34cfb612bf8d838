"""Downloads: all jobs of a list for its CSV file, and the JSON of an export job."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from base64 import b64decode, b64encode, urlsafe_b64encode
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import NoReturn

from bot.domain.accounts import Account, Caller, require_connection
from bot.domain.filters import Filters
from bot.domain.jobs import ExportResult, Job
from bot.domain.lists import ListCursor
from bot.domain.times import Clock
from bot.emporix.client import MAX_PAGE_SIZE, EmporixClient
from bot.errors import (
    Busy,
    EmporixFailed,
    EmporixTooLarge,
    ExportUnusable,
    InvalidInput,
    ProxyAnswered,
    RateLimited,
)
from bot.services.agents import NamedJobs
from bot.services.filters.parser import from_compact
from bot.services.pagination import (
    ListJobs,
    ListPage,
    read_snapshot,
    start_snapshot,
)
from bot.store.ui_state import ListStore

logger = logging.getLogger(__name__)

MAX_CSV_JOBS = 5_000
MAX_CSV_CHARACTERS = 10_000_000  # of agent messages, so that several lists fit into memory
MAX_CELL_LENGTH = 32_767  # Excel's limit
MAX_CONCURRENT_EXPORTS = 10  # of all users together, to limit memory
MAX_EXPORT_CALLS = 5  # concurrent calls of all exports; a paused export makes none
EXPORT_TIMEOUT_SECONDS = 10 * 60.0  # for one list, including pauses
CSV_PAGE_SIZES = (MAX_PAGE_SIZE - 1, 12, 3)
"""Jobs per page, besides one that overlaps with the previous page.

The smaller sizes are tried if a page is too large.
"""

MAX_EXPORT_PAUSES, DEFAULT_EXPORT_PAUSE_SECONDS, MAX_EXPORT_PAUSE_SECONDS = (
    5,
    5.0,
    30.0,
)  # for rate limits

OnProgress = Callable[[int, int | None], Awaitable[None]]
"""Called with the number of jobs read and the total, which is None if Emporix returns none."""


@dataclass(frozen=True, slots=True)
class ListRequest:
    """The list to export: by cursor, or by its compact `query` if the cursor has expired.

    `cursor` is set if it was already loaded. `owner` is the user who shared the list, or "" if the
    list is the user's own.
    """

    cursor_id: str
    query: str
    owner: str = ""
    cursor: ListCursor | None = None


@dataclass(frozen=True, slots=True)
class CompleteList:
    """All jobs of a list, or the first if `is_cut`; `total` is None if Emporix returns none."""

    jobs: tuple[Job, ...]
    filters: Filters
    tenant: str
    total: int | None
    is_cut: bool
    read_at: float


class CsvExport:
    """Reads whole lists; one at a time for each user."""

    def __init__(
        self,
        emporix: NamedJobs,
        lists: ListStore,
        *,
        clock: Clock,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
        timeout: Callable[[float], asyncio.Timeout] = asyncio.timeout,
    ) -> None:
        self._emporix, self._lists = emporix, lists
        self._clock, self._pause, self._timeout = clock, pause, timeout
        self._calls = asyncio.Semaphore(MAX_EXPORT_CALLS)
        self._reading: set[Caller] = set()

    async def read(
        self, account: Account, wanted: ListRequest, progress: OnProgress
    ) -> CompleteList:
        """Read all jobs of the list as it is shown, or of its query if the list has expired.

        Raises OutdatedButton if neither can be read, Busy if the user or too many others are
        exporting, InvalidInput after EXPORT_TIMEOUT_SECONDS, NotConnected, StoreUnavailable and
        EmporixError.
        """
        cursor = wanted.cursor or await self._lists.load(
            account.caller, wanted.cursor_id, owner=wanted.owner
        )
        cursor = cursor or _cursor_from_query(account, wanted.query)
        connection = require_connection(account, cursor.tenant)
        call = partial(self._emporix.list_jobs, connection, searched=cursor.searched)
        async with self._limited(account.caller):
            found = await self._read(call, cursor, progress)
        return replace(found, tenant=connection.tenant)

    @asynccontextmanager
    async def _limited(self, caller: Caller) -> AsyncIterator[None]:
        if caller in self._reading or len(self._reading) >= MAX_CONCURRENT_EXPORTS:
            raise Busy
        self._reading.add(caller)
        limit = self._timeout(EXPORT_TIMEOUT_SECONDS)
        try:
            async with limit:
                yield
        except TimeoutError as error:
            if not limit.expired():
                raise
            logger.warning(
                "a download of a list timed out after %d minutes", EXPORT_TIMEOUT_SECONDS // 60
            )
            raise InvalidInput(
                "I stopped this download, since it took longer than 10 minutes",
                advice="Narrow the filters, for example with since: and until:, and try again.",
            ) from error
        finally:
            self._reading.discard(caller)

    async def _read(self, call: ListJobs, cursor: ListCursor, progress: OnProgress) -> CompleteList:
        now, filters = self._clock(), replace(cursor.filters, fields=(), page=1)
        asked = replace(cursor, filters=filters, positions=())
        jobs: list[Job] = []
        characters, number, has_more = 0, 1, True
        total = None
        while has_more and len(jobs) < MAX_CSV_JOBS and characters < MAX_CSV_CHARACTERS:
            page = await self._page(call, asked, number)
            read = [within_cells(job) for job in page.jobs]
            characters += sum(len(job.message) + len(job.response) for job in read)
            jobs += read
            asked, total, number = page.cursor, page.total, number + 1
            has_more = page.has_more and bool(page.jobs)
            await progress(len(jobs), total)
        is_cut = has_more or len(jobs) > MAX_CSV_JOBS
        return CompleteList(tuple(jobs[:MAX_CSV_JOBS]), filters, cursor.tenant, total, is_cut, now)

    async def _page(self, call: ListJobs, cursor: ListCursor, number: int) -> ListPage:
        """Read page `number`, with smaller pages if Emporix cannot send large ones."""
        *wide, least = (
            replace(cursor, filters=replace(cursor.filters, size=n)) for n in CSV_PAGE_SIZES
        )
        for sized in wide:
            try:
                return await self._page_with_pauses(call, sized, number)
            except (EmporixTooLarge, EmporixFailed, ProxyAnswered):
                continue
        return await self._page_with_pauses(call, least, number)

    async def _page_with_pauses(self, call: ListJobs, cursor: ListCursor, number: int) -> ListPage:
        for _ in range(MAX_EXPORT_PAUSES):
            try:
                return await self._read_page(call, cursor, number)
            except RateLimited as error:
                wait = (
                    DEFAULT_EXPORT_PAUSE_SECONDS if error.retry_after is None else error.retry_after
                )
                if wait > MAX_EXPORT_PAUSE_SECONDS:
                    raise
            await self._pause(wait)
        return await self._read_page(call, cursor, number)

    async def _read_page(self, call: ListJobs, cursor: ListCursor, number: int) -> ListPage:
        """Read from the snapshot that the user saw, or start a snapshot if there is none."""
        async with self._calls:
            if number == 1 and not cursor.until:
                return await start_snapshot(call, cursor, 1, self._clock())
            return await read_snapshot(call, cursor, number)


def _cursor_from_query(account: Account, query: str) -> ListCursor:
    """A new list from a compact query; raises OutdatedButton if it cannot be read."""
    filters, searched = from_compact(query)
    return ListCursor("", account.caller, filters.tenant, filters, searched)


def within_cells(job: Job) -> Job:
    """Shorten a job's texts to the maximum length of a cell, to save memory."""
    return replace(
        job,
        message=job.message[:MAX_CELL_LENGTH],
        response=job.response[:MAX_CELL_LENGTH],
        extra={},
    )


ALGORITHMS = {"SHA-256": hashlib.sha256, "SHA-1": hashlib.sha1, "MD5": hashlib.md5}
"""Tried in turn, because Emporix does not document its algorithm; not used for security."""

EXPORT_FIELDS = ("exportResult",)


@dataclass(frozen=True, slots=True)
class Export:
    """The unchanged JSON of an export; `size` is in bytes.

    `checksum` is the one from Emporix. `verified_by` is the algorithm that reproduces it, or "".
    """

    job_id: str
    json: str
    size: int
    checksum: str
    verified_by: str


class Exports:
    """Reads the exports in a user's tenants."""

    def __init__(self, emporix: EmporixClient) -> None:
        self._emporix = emporix

    async def read(self, account: Account, job_id: str, tenant: str) -> Export:
        """Read the export of a job.

        Raises ExportUnusable, NotConnected, StoreUnavailable and EmporixError.
        """
        connection = require_connection(account, tenant)
        job = await self._emporix.get_job(connection, job_id, EXPORT_FIELDS)
        if job.export_result is None or not job.export_result.data.strip():
            raise _export_error("no_data", job_id, connection.tenant)
        # In a thread: decoding 10 MB takes tenths of a second.
        return await asyncio.to_thread(decode_export, job.export_result, job_id, connection.tenant)


def decode_export(result: ExportResult, job_id: str, tenant: str) -> Export:
    """Decode an export; raises ExportUnusable unless it is JSON in base64."""
    try:
        data = b64decode("".join(result.data.split()), validate=True)
    except ValueError as error:
        raise _export_error("base64", job_id, tenant, str(error)) from error
    try:
        text = data.decode("utf-8-sig")
        json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise _export_error("json", job_id, tenant, str(error)) from error
    checksum = result.checksum.strip()
    return Export(job_id, text, len(data), checksum, _verified_by(checksum, data, result.data))


def _export_error(reason: str, job_id: str, tenant: str, message: str = "") -> ExportUnusable:
    error = ExportUnusable(message, tenant=tenant)
    error.reason, error.resource_id = reason, job_id
    return error


def _verified_by(checksum: str, data: bytes, base64: str) -> str:
    """The algorithm that produced the checksum; "" if none matches.

    Emporix: calculated from the JSON value. It does not say whether before or after base64.
    """
    if not checksum:
        return ""
    for name, algorithm in ALGORITHMS.items():
        for content in (data, base64.encode("utf-8", "replace")):
            digest = algorithm(content, usedforsecurity=False).digest()
            if checksum.lower() == digest.hex() or checksum.rstrip("=") in _in_base64(digest):
                return name
    return ""


def _in_base64(digest: bytes) -> Iterator[str]:
    for encode in (b64encode, urlsafe_b64encode):
        yield encode(digest).decode().rstrip("=")


def _refuse_constant(name: str) -> NoReturn:
    """Reject NaN and Infinity, which Python accepts although JSON does not allow them."""
    raise ValueError(f"{name} isn't JSON")
