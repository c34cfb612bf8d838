"""Lists, searches and gets jobs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import dropwhile
from typing import Any
from urllib.parse import quote

from bot.domain.accounts import Account, Connection, require_connection
from bot.domain.filters import Filters
from bot.domain.jobs import Job
from bot.domain.lists import JobPlace, JobStep, ListCursor, ShownPage, place_on
from bot.domain.runs import Run, can_run_again, run_id
from bot.domain.times import Clock
from bot.emporix.client import MAX_PAGE_SIZE
from bot.emporix.query import ALL_TIMES, by_ids
from bot.errors import EmporixError, InvalidRequest, NotFound, OutdatedButton
from bot.services.agents import NamedJobs
from bot.services.concurrency import cancel_all
from bot.services.filters.form import to_text
from bot.services.filters.parser import from_compact, to_compact
from bot.services.pagination import ListJobs, ListPage, read_snapshot, start_snapshot
from bot.services.references import mentioned_jobs
from bot.store.due_index import RunStore
from bot.store.ui_state import ListStore

logger = logging.getLogger(__name__)

MAX_IDS_PER_QUERY = MAX_PAGE_SIZE

MAX_SINGLE_LOOKUPS = 10
"""Jobs that are requested one by one if a query by id does not return them.

Emporix does not document that `q` accepts ids."""


@dataclass(frozen=True, slots=True)
class JobLookup:
    """Jobs `found`, by id, and the ids of jobs that are `gone`; any other id is unknown."""

    found: dict[str, Job]
    gone: frozenset[str]


class JobsById:
    """Looks up jobs by id. Raises EmporixError, but never NotFound."""

    def __init__(self, client: NamedJobs) -> None:
        self._client = client

    async def find(
        self, connection: Connection, ids: Sequence[str], *, first: int = 0
    ) -> JobLookup:
        """Look up at most MAX_IDS_PER_QUERY of `ids`.

        Single requests start with the id at the index `first`, modulo the number of ids.
        """
        wanted = list(dict.fromkeys(ids))[:MAX_IDS_PER_QUERY]
        found = await self._query(connection, wanted)
        gone = set()
        missing = [job_id for job_id in _starting_at(wanted, first) if job_id not in found]
        for job_id in missing[:MAX_SINGLE_LOOKUPS]:
            try:
                found[job_id] = await self._client.get_job(connection, job_id)
            except NotFound:
                gone.add(job_id)
        return JobLookup(found, frozenset(gone))

    async def _query(self, connection: Connection, ids: Sequence[str]) -> dict[str, Job]:
        if len(ids) < 2:
            return {}
        filters = Filters(raw_q=by_ids(ids), size=len(ids))
        try:
            page = await self._client.list_jobs(connection, filters, ALL_TIMES)
        except InvalidRequest:  # this tenant cannot query by id
            return {}
        return {job.id: job for job in page.jobs if job.id in ids}


def _starting_at(ids: Sequence[str], first: int) -> list[str]:
    """Rotate `ids`, so that the one at `first` modulo their number comes first."""
    start = first % len(ids) if ids else 0
    return [*ids[start:], *ids[:start]]


MAX_SUGGESTIONS = 5
SUGGESTIONS_TIMEOUT_SECONDS = 1.0
"""How long to wait for the numbers of jobs; after that, none are shown."""

REMOVABLE: Mapping[str, tuple[str, ...]] = {
    "words": ("words",),
    "time": ("since", "until", "last_seconds"),
    "statuses": ("statuses",),
    "types": ("types",),
    "agents": ("agents", "agent_names", "agent_guesses", "unknown_agents"),
    "agent_types": ("agent_types",),
    "events": ("events",),
    "sessions": ("sessions",),
    "raw_q": ("raw_q",),
}
"""Each filter that can be removed from a list, and the fields that it consists of."""


@dataclass(frozen=True, slots=True)
class SuggestedSearch:
    """A proposal to remove one filter from an empty list, which then has `total` jobs.

    `removed` is a key of REMOVABLE. `total` is None if the jobs were not counted.
    """

    removed: str
    query: str
    total: int | None


@dataclass(frozen=True, slots=True)
class JobList:
    """One page of a list of jobs; `first` and `last` count from 1.

    `query` is the compact form of the list. `may_shift` is set if jobs can move between pages,
    `is_only_tenant` if the reader is connected to no other. `zone` is the name of their time zone
    in the IANA database, "" if it is unknown. `corrections`: if no agent has the typed name, the
    text of the same list for each similar name. `suggested_searches`: if there are no jobs, the
    same list without one of its filters, for each filter whose removal finds jobs.
    `mentioned`: the ids of jobs among the words to search.
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
    is_only_tenant: bool
    zone: str
    searched: bool = False
    corrections: Mapping[str, str] = field(default_factory=dict)
    suggested_searches: tuple[SuggestedSearch, ...] = ()
    mentioned: tuple[str, ...] = ()

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
    """One complete job, and whether its reader can delete it, run it again or pause its agent.

    `run` is the last attempt of the workspace to run it again.
    """

    job: Job
    tenant: str
    can_delete: bool
    dashboard_url: str
    can_run: bool = False
    run: Run | None = None
    can_pause: bool = False


class JobService:
    """Reads the jobs of a user's tenants.

    Every method raises NotConnected, EmporixError and StoreUnavailable.
    """

    def __init__(
        self,
        emporix: NamedJobs,
        cursors: ListStore,
        runs: RunStore,
        *,
        dashboard_url: str,
        new_cursor_id: Callable[[], str],
        clock: Clock,
    ) -> None:
        self._emporix, self._cursors, self._clock = emporix, cursors, clock
        self._runs = runs
        self._dashboard_url, self._new_cursor_id = dashboard_url, new_cursor_id

    async def list(self, account: Account, filters: Filters, *, searched: bool = False) -> JobList:
        """Read a page of jobs, with the search call if `searched`, and save its cursor."""
        connection = require_connection(account, filters.tenant)
        cursor = ListCursor(
            self._new_cursor_id(), account.caller, connection.tenant, filters, searched
        )
        page = await start_snapshot(
            self._list_jobs(connection, cursor), cursor, filters.page, self._clock()
        )
        listing = await self._save_page(account, connection, page)
        if listing.jobs or filters.page > 1 or not filters.is_narrow:
            return listing
        return replace(
            listing,
            suggested_searches=await self._suggested_searches(connection, filters, searched),
        )

    async def _suggested_searches(
        self, connection: Connection, filters: Filters, searched: bool
    ) -> tuple[SuggestedSearch, ...]:
        """Remove each filter in turn, and count the jobs without it, with one call each."""
        removable = [name for name, fields_ in REMOVABLE.items() if _has_any(filters, fields_)]
        lists = [_without(filters, name, connection.tenant) for name in removable[:MAX_SUGGESTIONS]]
        counting = [asyncio.create_task(self._count(connection, one)) for one in lists]
        try:
            await asyncio.wait(counting, timeout=SUGGESTIONS_TIMEOUT_SECONDS)
            totals = [task.result() if task.done() else None for task in counting]
        finally:
            await cancel_all(counting)
        found = zip(removable, lists, totals, strict=False)
        queries = ((name, to_compact(one, searched=searched), total) for name, one, total in found)
        return tuple(SuggestedSearch(*way) for way in queries if way[1] and way[2] != 0)

    async def _count(self, connection: Connection, filters: Filters) -> int | None:
        """None if Emporix doesn't return the number."""
        try:
            page = await self._emporix.list_jobs(
                connection, replace(filters, size=1, page=1, fields=("id",))
            )
        except EmporixError as error:
            logger.info("could not count the jobs without a filter: %s", error.template)
            return None
        return page.total if page.total is not None or page.jobs else 0

    async def go_to_page(
        self, account: Account, cursor_id: str, page: int, cursor: ListCursor | None = None
    ) -> JobList:
        """Read another page of a list; its cursor is loaded unless `cursor` is given.

        Raises OutdatedButton if the list has expired.
        """
        cursor = await self._load_cursor(account, cursor_id, cursor)
        connection = require_connection(account, cursor.tenant)
        call = self._list_jobs(connection, cursor)
        for number in dict.fromkeys(max(1, near) for near in (page, page - 1, 1)):
            found = await read_snapshot(call, cursor, number)
            if found.jobs:  # otherwise the last pages have become empty
                break
        has_more = found.has_more and found.number + 1 != page
        return await self._save_page(account, connection, replace(found, has_more=has_more))

    async def refresh(
        self, account: Account, cursor_id: str, page: int, cursor: ListCursor | None = None
    ) -> JobList:
        """Read the page as it is now, or the first page if it has become empty.

        Raises OutdatedButton if the list has expired.
        """
        cursor = await self._load_cursor(account, cursor_id, cursor)
        connection, now = require_connection(account, cursor.tenant), self._clock()
        found = await start_snapshot(self._list_jobs(connection, cursor), cursor, page, now)
        if page > 1 and not found.jobs:
            found = await start_snapshot(self._list_jobs(connection, cursor), cursor, 1, now)
        return await self._save_page(account, connection, found)

    async def reopen(self, account: Account, query: str) -> JobList:
        """Read a new list from a compact query; raises OutdatedButton if it cannot be read."""
        filters, searched = from_compact(query)
        return await self.list(account, filters, searched=searched)

    async def get(self, account: Account, job_id: str, tenant: str = "") -> JobCard:
        connection = require_connection(account, tenant)
        job = await self._emporix.get_job(connection, job_id)
        job = job if job.id else replace(job, id=job_id)
        can_run, run = connection.can_run and can_run_again(job), None
        if can_run_again(job):
            run = await self._runs.load(run_id(account.caller, connection.tenant, job.id))
        return JobCard(
            job,
            connection.tenant,
            connection.can_delete,
            self._dashboard_link(job_id),
            can_run,
            run,
            connection.can_pause,
        )

    async def locate(
        self, account: Account, step: JobStep, cursor: ListCursor, *, from_end: bool = False
    ) -> JobPlace:
        """Find a job and its neighbors in a list, which another user may have shared.

        Reads the page again if the list now shows another one, or the page before it if it is
        empty. A step without an id leads to the first job of the page, or to the last one if
        `from_end`.
        """
        shown = cursor.shown
        if shown is None or shown.page != step.page:
            shown, cursor = await self._read_page(account, cursor, step.page)
        job_id = step.job_id
        if not job_id and shown.job_ids:
            is_last = from_end or shown.page < step.page
            job_id = shown.job_ids[-1 if is_last else 0]
        return place_on(shown, job_id, cursor.id)

    async def _read_page(
        self, account: Account, cursor: ListCursor, page: int
    ) -> tuple[ShownPage, ListCursor]:
        if cursor.caller != account.caller:  # a shared list stays as its owner sees it
            own_id = self._new_cursor_id()
            cursor = replace(cursor, id=own_id, caller=account.caller, shared=False)
        listing = await self.go_to_page(account, cursor.id, page, cursor)
        ids = tuple(job.id for job in listing.jobs if job.id)
        return ShownPage(listing.page, ids, listing.has_more), cursor

    async def _load_cursor(
        self, account: Account, cursor_id: str, cursor: ListCursor | None
    ) -> ListCursor:
        found = cursor or await self._cursors.load(account.caller, cursor_id)
        if found is None:
            raise OutdatedButton
        return found

    def _list_jobs(self, connection: Connection, cursor: ListCursor) -> ListJobs:
        return partial(self._emporix.list_jobs, connection, searched=cursor.searched)

    async def _save_page(self, account: Account, connection: Connection, page: ListPage) -> JobList:
        await self._cursors.save(page.cursor)
        return _job_list(account, connection, page)

    def _dashboard_link(self, job_id: str) -> str:
        path = f"/apps/administration/ai-agents#/logs/jobs/{quote(job_id, safe='')}"
        return f"{self._dashboard_url}{path}"


def _job_list(account: Account, connection: Connection, page: ListPage) -> JobList:
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
        is_only_tenant=len(account.connections) == 1,
        zone=account.time_zone,
        searched=cursor.searched,
        corrections={} if page.jobs else _corrections(filters),
        mentioned=mentioned_jobs(filters.words) if filters.words else (),
    )


def _has_any(filters: Filters, names: Sequence[str]) -> bool:
    return any(getattr(filters, name) != getattr(_NO_FILTERS, name) for name in names)


def _without(filters: Filters, removed: str, tenant: str) -> Filters:
    changes: dict[str, Any] = {name: getattr(_NO_FILTERS, name) for name in REMOVABLE[removed]}
    return replace(filters, **changes, readings=(), tenant=tenant)


_NO_FILTERS = Filters()


def _corrections(filters: Filters) -> dict[str, str]:
    """Map each similar name of an agent to the text of a list of its jobs."""
    unknown = [one for one in filters.agents if one in filters.agent_names]
    if len(unknown) != 1:
        return {}
    return {name: to_text(_with_agent(filters, unknown[0], name)) for name in filters.agent_guesses}


def _with_agent(filters: Filters, typed: str, name: str) -> Filters:
    """Replace a typed agent, and remove the words after it that are words of the name."""
    rest = dropwhile(lambda word: word.lower() in name.lower().split(), filters.words)
    agents = tuple(name if one == typed else one for one in filters.agents)
    return replace(filters, agents=agents, words=tuple(rest))


def _without_times(job: Job) -> Job:
    """Remove the times, which are requested only to find the next page."""
    return replace(job, created_at="", modified_at="", version="")
