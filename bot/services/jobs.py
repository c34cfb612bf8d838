"""What can be done with jobs: list, search, turn the page, get."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from urllib.parse import quote

from bot.emporix.models import Job
from bot.errors import OutdatedButton
from bot.models import Account, Connection, Filters
from bot.services.accounts import connection
from bot.services.naming import NamedJobs
from bot.services.pages import Call, JobSource, Page, first_look, look_again
from bot.services.short_query import lengthen, shorten
from bot.store.cursors import Cursor, CursorStore


@dataclass(frozen=True, slots=True)
class Listing:
    """One page of jobs and what it is a page of; `first` and `last` count from 1.

    `query` is its short form, for buttons; `may_shift`: nothing keeps its pages from shifting.
    """

    jobs: tuple[Job, ...]
    filters: Filters
    tenant: str
    cursor: str
    page: int
    before: int
    total: int | None
    has_more: bool
    can_delete: bool
    query: str
    may_shift: bool

    @property
    def first(self) -> int:
        return self.before + 1

    @property
    def last(self) -> int:
        return self.before + len(self.jobs)


@dataclass(frozen=True, slots=True)
class JobCard:
    """One job, whole, and what its reader may do with it."""

    job: Job
    tenant: str
    can_delete: bool
    dashboard_url: str


class Jobs:
    """The jobs of a user's tenants.

    Every method raises NotConnected, what Emporix raises, and StoreUnavailable.
    """

    def __init__(
        self,
        emporix: NamedJobs,
        cursors: CursorStore,
        *,
        dashboard_url: str,
        new_cursor_id: Callable[[], str],
        clock: Callable[[], float],
    ) -> None:
        self._emporix, self._cursors, self._clock = emporix, cursors, clock
        self._dashboard_url, self._new_cursor_id = dashboard_url, new_cursor_id

    async def list(self, account: Account, filters: Filters, *, searched: bool = False) -> Listing:
        """A page of jobs, by the search call if `searched`, and a cursor to turn it by."""
        held = connection(account, filters.tenant)
        cursor = Cursor(self._new_cursor_id(), account.caller, held.tenant, filters, searched)
        page = await first_look(self._call(held, cursor), cursor, filters.page, self._clock())
        return await self._kept(held, page)

    async def turn(
        self, account: Account, cursor_id: str, page: int, cursor: Cursor | None = None
    ) -> Listing:
        """Another page of a list, which is read where no `cursor` of it comes along.

        Raises OutdatedButton where the list has expired.
        """
        cursor = await self._loaded(account, cursor_id, cursor)
        held = connection(account, cursor.tenant)
        call = self._call(held, cursor)
        for number in dict.fromkeys(max(1, near) for near in (page, page - 1, 1)):
            turned = await look_again(call, cursor, number)
            if turned.jobs:  # else the last pages were emptied meanwhile
                break
        has_more = turned.has_more and turned.number + 1 != page
        return await self._kept(held, replace(turned, has_more=has_more))

    async def refresh(
        self, account: Account, cursor_id: str, page: int, cursor: Cursor | None = None
    ) -> Listing:
        """The page as it is now, or the first where it is gone; otherwise as `turn`."""
        cursor = await self._loaded(account, cursor_id, cursor)
        held, now = connection(account, cursor.tenant), self._clock()
        found = await first_look(self._call(held, cursor), cursor, page, now)
        if page > 1 and not found.jobs:
            found = await first_look(self._call(held, cursor), cursor, 1, now)
        return await self._kept(held, found)

    async def again(self, account: Account, query: str) -> Listing:
        """A new list of the query that a button remembers; raises OutdatedButton."""
        filters, searched = lengthen(query)
        return await self.list(account, filters, searched=searched)

    async def get(self, account: Account, job_id: str, tenant: str = "") -> JobCard:
        held = connection(account, tenant)
        job = await self._emporix.get_job(held, job_id)
        job = job if job.id else replace(job, id=job_id)
        return JobCard(job, held.tenant, held.can_delete, self._link(job_id))

    async def _loaded(self, account: Account, cursor_id: str, cursor: Cursor | None) -> Cursor:
        found = cursor or await self._cursors.load(account.caller, cursor_id)
        if found is None:
            raise OutdatedButton
        return found

    def _call(self, held: Connection, cursor: Cursor) -> Call:
        return JobSource(self._emporix, held, cursor.searched).page

    async def _kept(self, held: Connection, page: Page) -> Listing:
        await self._cursors.save(page.cursor)
        return _listing(held, page)

    def _link(self, job_id: str) -> str:
        path = f"/apps/administration/ai-agents#/logs/jobs/{quote(job_id, safe='')}"
        return f"{self._dashboard_url}{path}"


def _listing(held: Connection, page: Page) -> Listing:
    cursor, filters = page.cursor, page.cursor.filters
    undated = bool(filters.fields) and "metadata" not in filters.fields
    return Listing(
        jobs=tuple(map(_without_times, page.jobs)) if undated else page.jobs,
        filters=filters,
        tenant=held.tenant,
        cursor=cursor.id,
        page=page.number,
        before=page.before,
        total=page.total,
        has_more=page.has_more,
        can_delete=held.can_delete,
        query=shorten(replace(filters, tenant=held.tenant), searched=cursor.searched),
        may_shift=not cursor.until,
    )


def _without_times(job: Job) -> Job:
    """Times are needed to find the next page, even where nobody asked to see them."""
    return replace(job, created_at="", modified_at="", version="")
