"""Finds the jobs that a text mentions, searching the user's tenants in parallel."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from bot.domain.accounts import Account, Connection, require_connection
from bot.domain.filters import Filters
from bot.domain.jobs import Job
from bot.emporix.query import ALL_TIMES
from bot.errors import EmporixError, Forbidden, InvalidInput, NotFound
from bot.services.agents import AGENT_NAMES_TIMEOUT_SECONDS, AgentNames, NamedJobs, Names
from bot.services.references import References, find_references, mentioned_agents

MAX_FOUND_JOBS = 20
MAX_TENANTS_SEARCHED = 5
MAX_AGENTS_SEARCHED = 3
JOBS_PER_AGENT_SEARCH = 5
MAX_SEARCH_CALLS = 8

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class MentionedJob:
    """A job, and whether the user may delete it."""

    job: Job
    tenant: str
    can_delete: bool

    @property
    def key(self) -> tuple[str, str]:
        return self.tenant, self.job.id


@dataclass(frozen=True, slots=True)
class MentionedJobs:
    """The jobs that a text mentions.

    `by_id` has the jobs whose id or session is in the text, and `by_agent` has the newest jobs of
    the agents that it names. `unknown` has the ids that were not found in any tenant.
    `left_out` is the number of ids that were not requested and of jobs that are not included.
    `failed_tenants` did not answer. `words` is a proposed search, made from the text.
    """

    by_id: tuple[MentionedJob, ...]
    by_agent: tuple[MentionedJob, ...]
    agents: tuple[str, ...]
    unknown: tuple[str, ...]
    left_out: int
    failed_tenants: tuple[str, ...]
    words: str

    @property
    def is_empty(self) -> bool:
        """Whether the text mentions no job, session or agent."""
        return not (self.by_id or self.by_agent or self.unknown)


@dataclass(slots=True)
class _TenantSearch:
    """The state of a search in several tenants: their errors, and a limit on parallel calls."""

    tenants: Sequence[Connection]
    errors: dict[str, EmporixError] = field(default_factory=dict)
    limit: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MAX_SEARCH_CALLS))

    async def ask(self, connection: Connection, ask: Callable[[], Awaitable[T]]) -> T | None:
        """Return the result of `ask`; None if nothing was found or the tenant did not answer."""
        async with self.limit:
            if connection.tenant in self.errors:
                return None
            try:
                return await ask()
            except (NotFound, Forbidden, InvalidInput):
                return None
            except EmporixError as error:
                self.errors[connection.tenant] = error
                return None

    def failed_tenants(self) -> tuple[str, ...]:
        """The tenants that did not answer; raises the first error if none did."""
        if len(self.errors) == len(self.tenants):
            raise next(iter(self.errors.values()))
        return tuple(self.errors)


class JobFinder:
    """Finds jobs; raises NotConnected, and EmporixError if no tenant answers."""

    def __init__(self, emporix: NamedJobs, names: AgentNames, dashboard_url: str) -> None:
        self._emporix, self._names, self._dashboard_url = emporix, names, dashboard_url

    async def find(self, account: Account, texts: Sequence[str]) -> MentionedJobs:
        """Find the jobs that `texts` mention, at most MAX_FOUND_JOBS."""
        connection = require_connection(account)
        references = find_references(texts, self._dashboard_url)
        self._names.prefetch(connection)
        names = await self._names.get_within(connection, AGENT_NAMES_TIMEOUT_SECONDS)
        agents = mentioned_agents(texts, names)[:MAX_AGENTS_SEARCHED]
        search = _TenantSearch(_tenants(account, connection))
        jobs, of_sessions, of_agents = await asyncio.gather(
            self._by_ids(search, references.jobs[:MAX_FOUND_JOBS]),
            self._by_sessions(search, references.sessions[:MAX_FOUND_JOBS]),
            self._by_agents(search, connection, agents),
        )
        failed_tenants = (
            search.failed_tenants() if references.jobs or references.sessions or agents else ()
        )
        return _result(
            references,
            [*jobs, *of_sessions],
            of_agents,
            _agent_names(agents, names),
            failed_tenants,
        )

    async def _by_ids(self, search: _TenantSearch, job_ids: Sequence[str]) -> list[MentionedJob]:
        found = await asyncio.gather(*(self._by_id(search, job_id) for job_id in job_ids))
        return [one for one in found if one]

    async def _by_id(self, search: _TenantSearch, job_id: str) -> MentionedJob | None:
        """The job in the first tenant that has it."""
        for connection in search.tenants:
            job = await search.ask(connection, partial(self._emporix.get_job, connection, job_id))
            if job:
                return MentionedJob(job, connection.tenant, connection.can_delete)
        return None

    async def _by_sessions(
        self, search: _TenantSearch, sessions: tuple[str, ...]
    ) -> list[MentionedJob]:
        if not sessions:
            return []
        asked = Filters(sessions=sessions, size=MAX_FOUND_JOBS)
        lists = await asyncio.gather(
            *(self._list(search, connection, asked) for connection in search.tenants)
        )
        return [found for one in lists for found in one]

    async def _by_agents(
        self, search: _TenantSearch, connection: Connection, agents: tuple[str, ...]
    ) -> list[MentionedJob]:
        if not agents:
            return []
        return await self._list(
            search, connection, Filters(agents=agents, size=JOBS_PER_AGENT_SEARCH)
        )

    async def _list(
        self, search: _TenantSearch, connection: Connection, asked: Filters
    ) -> list[MentionedJob]:
        page = await search.ask(
            connection, partial(self._emporix.list_jobs, connection, asked, ALL_TIMES)
        )
        jobs = page.jobs if page else ()
        return [
            MentionedJob(job, connection.tenant, connection.can_delete) for job in jobs if job.id
        ]


def _tenants(account: Account, first: Connection) -> list[Connection]:
    others = [
        connection
        for connection in account.connections.values()
        if connection.tenant != first.tenant
    ]
    return [first, *others][:MAX_TENANTS_SEARCHED]


def _agent_names(agents: Iterable[str], names: Names) -> tuple[str, ...]:
    return tuple(names[id_] for id_ in agents)


def _result(
    references: References,
    named: Sequence[MentionedJob],
    of_agents: Sequence[MentionedJob],
    agents: tuple[str, ...],
    failed_tenants: tuple[str, ...],
) -> MentionedJobs:
    unique_jobs = {found.key: found for found in named}
    shown = dict(list(unique_jobs.items())[:MAX_FOUND_JOBS])
    known = {found.job.id for found in named} | {found.job.session_id for found in named}
    requested = [*references.jobs[:MAX_FOUND_JOBS], *references.sessions[:MAX_FOUND_JOBS]]
    agent_jobs = [found for found in of_agents if found.key not in unique_jobs]
    skipped = len(references.jobs) + len(references.sessions) - len(requested)
    return MentionedJobs(
        by_id=tuple(shown.values()),
        by_agent=tuple(agent_jobs[: MAX_FOUND_JOBS - len(shown)]),
        agents=agents,
        unknown=tuple(id_ for id_ in requested if id_ not in known),
        left_out=skipped + len(unique_jobs) - len(shown),
        failed_tenants=failed_tenants,
        words=references.words,
    )
