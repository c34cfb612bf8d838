"""What can be done with jobs: list, search, turn the page, get, delete."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol
from urllib.parse import quote

from bot.emporix.models import Job, JobPage
from bot.errors import EmporixError, MissingScope, NotConnected, OutdatedButton
from bot.models import DELETE_SCOPE, Account, Caller, Connection, Filters
from bot.services.accounts import connection
from bot.store.cursors import Cursor


class Emporix(Protocol):
    """The calls that jobs need."""

    async def list_jobs(self, connection: Connection, filters: Filters) -> JobPage: ...
    async def search_jobs(self, connection: Connection, filters: Filters) -> JobPage: ...
    async def get_job(self, connection: Connection, job_id: str) -> Job: ...
    async def delete_job(self, connection: Connection, job_id: str) -> bool: ...


class Cursors(Protocol):
    """Where the pages of lists are kept."""

    async def save(self, cursor: Cursor) -> None: ...
    async def load(self, caller: Caller, cursor_id: str) -> Cursor | None: ...


class Audit(Protocol):
    """Where deletes are recorded."""

    async def record(self, caller: Caller, tenant: str, job_id: str, result: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Listing:
    """One page of jobs and what it is a page of; `first` and `last` count from 1."""

    jobs: tuple[Job, ...]
    filters: Filters
    tenant: str
    cursor: str
    page: int
    total: int | None
    has_more: bool
    can_delete: bool

    @property
    def first(self) -> int:
        return (self.page - 1) * self.filters.size + 1

    @property
    def last(self) -> int:
        return self.first + len(self.jobs) - 1


@dataclass(frozen=True, slots=True)
class JobCard:
    """One job, whole, and what its reader may do with it."""

    job: Job
    tenant: str
    can_delete: bool
    dashboard_url: str


@dataclass(frozen=True, slots=True)
class Deletion:
    """`already_gone`: the job was not there any more when we came to delete it."""

    job_id: str
    tenant: str
    already_gone: bool


class Jobs:
    """The jobs of a user's tenants.

    Every method raises NotConnected, what Emporix raises, and StoreUnavailable.
    """

    def __init__(
        self,
        emporix: Emporix,
        cursors: Cursors,
        audit: Audit,
        *,
        dashboard_url: str,
        new_cursor_id: Callable[[], str],
    ) -> None:
        self._emporix, self._cursors, self._audit = emporix, cursors, audit
        self._dashboard_url, self._new_cursor_id = dashboard_url, new_cursor_id

    async def list(self, account: Account, filters: Filters, *, searched: bool = False) -> Listing:
        """A page of jobs, by the search call if `searched`, and a cursor to turn it by."""
        held = connection(account, filters.tenant)
        cursor = Cursor(self._new_cursor_id(), account.caller, held.tenant, filters, searched)
        listing = await self._page(held, cursor)
        await self._cursors.save(cursor)
        return listing

    async def turn(self, account: Account, cursor_id: str, page: int) -> Listing:
        """Another page of a list; raises OutdatedButton where the list has expired."""
        cursor = await self._cursors.load(account.caller, cursor_id)
        if cursor is None:
            raise OutdatedButton
        held = connection(account, cursor.tenant)
        listing = await self._page(held, cursor.at(page))
        if page > 1 and not listing.jobs:  # the last page has been emptied meanwhile
            listing = await self._page(held, cursor.at(page - 1))
        return listing

    async def get(self, account: Account, job_id: str, tenant: str = "") -> JobCard:
        held = connection(account, tenant)
        job = await self._emporix.get_job(held, job_id)
        job = job if job.id else replace(job, id=job_id)
        return JobCard(job, held.tenant, held.can_delete, self._link(job_id))

    async def delete(self, account: Account, job_id: str, tenant: str) -> Deletion:
        """Delete a job and record it, refusals too; raises MissingScope."""
        try:
            held = connection(account, tenant)
            if not held.can_delete:
                raise MissingScope(held.tenant, DELETE_SCOPE)
            deleted = await self._emporix.delete_job(held, job_id)
        except (NotConnected, MissingScope, EmporixError) as error:
            await self._audit.record(account.caller, tenant, job_id, error.template)
            raise
        result = "deleted" if deleted else "already_gone"
        await self._audit.record(account.caller, held.tenant, job_id, result)
        return Deletion(job_id, held.tenant, already_gone=not deleted)

    async def _page(self, held: Connection, cursor: Cursor) -> Listing:
        call = self._emporix.search_jobs if cursor.searched else self._emporix.list_jobs
        page = await call(held, cursor.filters)
        return Listing(
            jobs=page.jobs,
            filters=cursor.filters,
            tenant=held.tenant,
            cursor=cursor.id,
            page=cursor.filters.page,
            total=page.total,
            has_more=page.has_more,
            can_delete=held.can_delete,
        )

    def _link(self, job_id: str) -> str:
        path = f"/apps/administration/ai-agents#/logs/jobs/{quote(job_id, safe='')}"
        return f"{self._dashboard_url}{path}"
