"""Lists, searches and gets jobs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from urllib.parse import quote

from bot.domain.accounts import Account, Connection, require_connection
from bot.domain.filters import Filters
from bot.domain.jobs import Job
from bot.domain.lists import ListCursor
from bot.domain.times import Clock
from bot.emporix.client import MAX_PAGE_SIZE
from bot.emporix.query import ALL_TIMES, by_ids
from bot.errors import InvalidRequest, NotFound, OutdatedButton
from bot.services.agents import NamedJobs
from bot.services.filters.form import to_text
from bot.services.filters.parser import from_compact, to_compact
from bot.services.pagination import ListJobs, ListPage, read_snapshot, start_snapshot
from bot.store.lists import ListStore

MAX_IDS_PER_QUERY = MAX_PAGE_SIZE

MAX_SINGLE_LOOKUPS = 10
"""Emporix does not say that jobs can be found by id in `q`: where they cannot, or are gone, so many
are asked for one by one."""


@dataclass(frozen=True, slots=True)
class JobLookup:
    """`found` by id, and the ids of those that are `gone`; of the others nothing is known."""

    found: dict[str, Job]
    gone: frozenset[str]


class JobsById:
    """Raises what Emporix raises, but NotFound."""

    def __init__(self, client: NamedJobs) -> None:
        self._client = client

    async def find(
        self, connection: Connection, ids: Sequence[str], *, first: int = 0
    ) -> JobLookup:
        """At most `MAX_IDS_PER_QUERY` of `ids`; `first`: the place of the one to look up first."""
        wanted = list(dict.fromkeys(ids))[:MAX_IDS_PER_QUERY]
        there = await self._query(connection, wanted)
        gone = set()
        missing = [job_id for job_id in _starting_at(wanted, first) if job_id not in there]
        for job_id in missing[:MAX_SINGLE_LOOKUPS]:
            try:
                there[job_id] = await self._client.get_job(connection, job_id)
            except NotFound:
                gone.add(job_id)
        return JobLookup(there, frozenset(gone))

    async def _query(self, connection: Connection, ids: Sequence[str]) -> dict[str, Job]:
        if len(ids) < 2:
            return {}
        filters = Filters(raw_q=by_ids(ids), size=len(ids))
        try:
            page = await self._client.list_jobs(connection, filters, ALL_TIMES)
        except InvalidRequest:  # `id` cannot be asked for
            return {}
        return {job.id: job for job in page.jobs if job.id in ids}


def _starting_at(ids: Sequence[str], first: int) -> list[str]:
    """The same ids, beginning with the one at a place that may lie beyond the end."""
    start = first % len(ids) if ids else 0
    return [*ids[start:], *ids[:start]]


@dataclass(frozen=True, slots=True)
class JobList:
    """One page of a list of jobs; `first` and `last` count from 1.

    `query` is its compact form; `may_shift`: jobs may move between its pages. `corrections`: if no
    agent has the typed name, the text of the same list for each similar name.
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
    searched: bool = False
    corrections: Mapping[str, str] = field(default_factory=dict)

    @property
    def last_page(self) -> int | None:
        """The number of the last page; None if Emporix does not count the jobs, or has none."""
        return -(-self.total // self.filters.size) if self.total else None

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


class JobService:
    """The jobs of a user's tenants.

    Every method raises NotConnected, what Emporix raises, and StoreUnavailable.
    """

    def __init__(
        self,
        emporix: NamedJobs,
        cursors: ListStore,
        *,
        dashboard_url: str,
        new_cursor_id: Callable[[], str],
        clock: Clock,
    ) -> None:
        self._emporix, self._cursors, self._clock = emporix, cursors, clock
        self._dashboard_url, self._new_cursor_id = dashboard_url, new_cursor_id

    async def list(self, account: Account, filters: Filters, *, searched: bool = False) -> JobList:
        """A page of jobs, by the search call if `searched`, and a cursor to turn it by."""
        connection = require_connection(account, filters.tenant)
        cursor = ListCursor(
            self._new_cursor_id(), account.caller, connection.tenant, filters, searched
        )
        page = await start_snapshot(
            self._list_jobs(connection, cursor), cursor, filters.page, self._clock()
        )
        return await self._save_page(connection, page)

    async def go_to_page(
        self, account: Account, cursor_id: str, page: int, cursor: ListCursor | None = None
    ) -> JobList:
        """Another page of a list, which is read where no `cursor` of it comes along.

        Raises OutdatedButton where the list has expired.
        """
        cursor = await self._load_cursor(account, cursor_id, cursor)
        connection = require_connection(account, cursor.tenant)
        call = self._list_jobs(connection, cursor)
        for number in dict.fromkeys(max(1, near) for near in (page, page - 1, 1)):
            turned = await read_snapshot(call, cursor, number)
            if turned.jobs:  # else the last pages were emptied meanwhile
                break
        has_more = turned.has_more and turned.number + 1 != page
        return await self._save_page(connection, replace(turned, has_more=has_more))

    async def refresh(
        self, account: Account, cursor_id: str, page: int, cursor: ListCursor | None = None
    ) -> JobList:
        """The page as it is now, or the first where it is gone; otherwise as `go_to_page`."""
        cursor = await self._load_cursor(account, cursor_id, cursor)
        connection, now = require_connection(account, cursor.tenant), self._clock()
        found = await start_snapshot(self._list_jobs(connection, cursor), cursor, page, now)
        if page > 1 and not found.jobs:
            found = await start_snapshot(self._list_jobs(connection, cursor), cursor, 1, now)
        return await self._save_page(connection, found)

    async def reopen(self, account: Account, query: str) -> JobList:
        """A new list by the compact form of its query; raises OutdatedButton."""
        filters, searched = from_compact(query)
        return await self.list(account, filters, searched=searched)

    async def get(self, account: Account, job_id: str, tenant: str = "") -> JobCard:
        connection = require_connection(account, tenant)
        job = await self._emporix.get_job(connection, job_id)
        job = job if job.id else replace(job, id=job_id)
        return JobCard(job, connection.tenant, connection.can_delete, self._dashboard_link(job_id))

    async def _load_cursor(
        self, account: Account, cursor_id: str, cursor: ListCursor | None
    ) -> ListCursor:
        found = cursor or await self._cursors.load(account.caller, cursor_id)
        if found is None:
            raise OutdatedButton
        return found

    def _list_jobs(self, connection: Connection, cursor: ListCursor) -> ListJobs:
        return partial(self._emporix.list_jobs, connection, searched=cursor.searched)

    async def _save_page(self, connection: Connection, page: ListPage) -> JobList:
        await self._cursors.save(page.cursor)
        return _job_list(connection, page)

    def _dashboard_link(self, job_id: str) -> str:
        path = f"/apps/administration/ai-agents#/logs/jobs/{quote(job_id, safe='')}"
        return f"{self._dashboard_url}{path}"


def _job_list(connection: Connection, page: ListPage) -> JobList:
    cursor, filters = page.cursor, page.cursor.filters
    undated = bool(filters.fields) and "metadata" not in filters.fields
    return JobList(
        jobs=tuple(map(_without_times, page.jobs)) if undated else page.jobs,
        filters=filters,
        tenant=connection.tenant,
        cursor=cursor.id,
        page=page.number,
        before=page.before,
        total=page.total,
        has_more=page.has_more,
        can_delete=connection.can_delete,
        query=to_compact(replace(filters, tenant=connection.tenant), searched=cursor.searched),
        may_shift=not cursor.until,
        searched=cursor.searched,
        corrections={} if page.jobs else _corrections(filters),
    )


def _corrections(filters: Filters) -> dict[str, str]:
    """By each similar name of an agent, the text that asks for its jobs."""
    unknown = [one for one in filters.agents if one in filters.agent_names]
    if len(unknown) != 1:
        return {}
    return {
        name: to_text(
            replace(
                filters, agents=tuple(name if one == unknown[0] else one for one in filters.agents)
            )
        )
        for name in filters.agent_guesses
    }


def _without_times(job: Job) -> Job:
    """Times are needed to find the next page, even where nobody asked to see them."""
    return replace(job, created_at="", modified_at="", version="")
