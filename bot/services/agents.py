"""Names of agents, shown next to their ids."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import replace
from difflib import get_close_matches
from functools import partial
from typing import TypeAlias

from bot.domain.accounts import Caller, Connection, Credentials
from bot.domain.filters import Filters
from bot.domain.jobs import Job, JobPage
from bot.domain.times import Clock
from bot.emporix.client import EmporixClient
from bot.emporix.query import ALL_TIMES, TimeRange
from bot.errors import BotError
from bot.services.concurrency import SingleFlight
from bot.services.references import normalize

logger = logging.getLogger(__name__)

NAMES_TTL_SECONDS = 5 * 60.0
FAILED_NAMES_TTL_SECONDS = 30.0
MAX_CACHED_NAMES = 500  # users times tenants
MAX_NAMES_CALLS = 50
MAX_GUESSES = 3

AGENT_NAMES_TIMEOUT_SECONDS = 2.0
"""How long work that needs names waits for them; after that, agents are shown by their ids."""

Names: TypeAlias = Mapping[str, str]
"""Names by id; empty where they are not known."""


class AgentNames:
    """Names in the memory of this process, each user's own: what a key may not read stays unread.

    Nothing here fails because names cannot be had: ids do, too.
    """

    def __init__(self, emporix: EmporixClient, clock: Clock) -> None:
        self._emporix = emporix
        self._names: SingleFlight[Names] = SingleFlight(clock, _names_ttl, MAX_CACHED_NAMES)

    def prefetch(self, connection: Connection) -> None:
        """Ask for the names, unless they are known, or too much is being asked already."""
        if (
            self._names.cached(_names_key(connection)) is None
            and len(self._names) < MAX_NAMES_CALLS
        ):
            self._names.start(_names_key(connection), partial(self._load, connection))

    async def get_within(self, connection: Connection, seconds: float) -> Names:
        """The names that are known by then; waits only for a call that is on its way."""
        if asking := self._names.running(_names_key(connection)):
            await asyncio.wait({asking}, timeout=seconds)
        return self._names.cached(_names_key(connection)) or {}

    async def close(self) -> None:
        """Cancel the calls on their way."""
        await self._names.close()

    async def _load(self, connection: Connection) -> Names:
        try:
            agents = await self._emporix.list_agents(connection)
        except BotError as error:
            logger.info("agents are shown by their ids: %s", error.template)
            return {}
        return {agent.id: agent.name for agent in agents if agent.id}


def resolve_agents(filters: Filters, names: Names) -> Filters:
    """`filters` with the ids of the agents that were typed, by id or by name in any case.

    What no agent is called is taken for an id, with the names that come near as guesses: an agent
    can be gone while its jobs are still there.
    """
    ids: dict[str, None] = {}
    shown: dict[str, None] = {}
    guesses: dict[str, None] = {}
    for typed in filters.agents:
        found = _ids(typed, names)
        ids.update(dict.fromkeys(found or [typed]))
        shown.update(dict.fromkeys([names[id_] for id_ in found] or [typed]))
        if not found:
            guesses.update(dict.fromkeys(_similar_names(typed, names)))
    return replace(
        filters, agents=tuple(ids), agent_names=tuple(shown), agent_guesses=tuple(guesses)
    )


def matching_agents(typed: str, names: Names) -> dict[str, str]:
    """Those whose name or id has `typed` in it, in any case, by their names."""
    wanted = normalize(typed)
    like = [(name, id_) for id_, name in names.items() if wanted in normalize(f"{name} {id_}")]
    return {id_: name for name, id_ in sorted(like)}


def _ids(typed: str, names: Names) -> list[str]:
    """The agent of that id, or else all of that name."""
    if typed in names:
        return [typed]
    wanted = normalize(typed)
    same_id = [id_ for id_ in names if normalize(id_) == wanted]
    return same_id or [id_ for id_, name in names.items() if normalize(name) == wanted]


def _similar_names(typed: str, names: Names) -> list[str]:
    known = {normalize(word): name for id_, name in names.items() for word in (id_, name)}
    return [known[word] for word in get_close_matches(normalize(typed), known, n=MAX_GUESSES)]


def _names_key(connection: Connection) -> tuple[Caller, str, Credentials]:
    """With the API key: another one of the same person may be allowed to read less."""
    return connection.caller, connection.tenant, connection.credentials


def _names_ttl(names: Names) -> float:
    return NAMES_TTL_SECONDS if names else FAILED_NAMES_TTL_SECONDS


NAMES_GRACE_SECONDS = 0.15
"""So long jobs wait for names that are still on their way; then ids are shown."""


class NamedJobs:
    """The same calls; where names are not known, they are asked for at the same time.

    Raises what the calls raise, and nothing because of names.
    """

    def __init__(
        self, calls: EmporixClient, names: AgentNames, *, grace_seconds: float = NAMES_GRACE_SECONDS
    ) -> None:
        self._client, self._names, self._grace = calls, names, grace_seconds

    async def list_jobs(
        self,
        connection: Connection,
        filters: Filters,
        time_range: TimeRange = ALL_TIMES,
        *,
        searched: bool = False,
    ) -> JobPage:
        """A page by the list call, or by the search call if `searched`."""
        self._names.prefetch(connection)
        call = self._client.search_jobs if searched else self._client.list_jobs
        return await self._with_names(connection, await call(connection, filters, time_range))

    async def get_job(self, connection: Connection, job_id: str) -> Job:
        self._names.prefetch(connection)
        job = await self._client.get_job(connection, job_id)
        return _with_name(job, await self._names.get_within(connection, self._grace))

    async def _with_names(self, connection: Connection, page: JobPage) -> JobPage:
        if not any(job.agent_id for job in page.jobs):
            return page
        names = await self._names.get_within(connection, self._grace)
        return replace(page, jobs=tuple(_with_name(job, names) for job in page.jobs))


def _with_name(job: Job, names: Names) -> Job:
    return replace(job, agent_name=names.get(job.agent_id, ""))
