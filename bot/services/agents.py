"""Names of agents: cached for each user, resolved in filters, and added to jobs.

Also reads jobs with these names page after page.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeAlias

from bot.domain.accounts import Caller, Connection, Credentials
from bot.domain.filters import Filters
from bot.domain.jobs import Job, JobPage, created_at, modified_at
from bot.domain.times import Clock
from bot.emporix.client import MAX_PAGE_SIZE, EmporixClient
from bot.emporix.query import ALL_TIMES, CREATED, MODIFIED, TimeRange, iso
from bot.errors import BotError
from bot.services.concurrency import SingleFlight
from bot.services.references import MIN_AGENT_NAME_LENGTH, normalize
from bot.services.similarity import close_matches

logger = logging.getLogger(__name__)

NAMES_TTL_SECONDS = 5 * 60.0
FAILED_NAMES_TTL_SECONDS = 30.0
MAX_CACHED_NAMES = 500  # one entry for each user and tenant
MAX_NAMES_CALLS = 50
MAX_GUESSES = 3

AGENT_NAMES_TIMEOUT_SECONDS = 2.0
"""How long to wait for names that are required; after that, ids are shown."""

Names: TypeAlias = Mapping[str, str]
"""Names by id; empty if they are not known."""


class AgentNames:
    """Caches agent names in memory for each user, because API keys may read different agents.

    Failed requests raise no error: agents are then shown by their ids.
    """

    def __init__(self, emporix: EmporixClient, clock: Clock) -> None:
        self._emporix = emporix
        self._names: SingleFlight[Names] = SingleFlight(clock, _names_ttl, MAX_CACHED_NAMES)

    def prefetch(self, connection: Connection) -> Names | None:
        """Return cached names, or start requesting them unless too many requests are running."""
        key = _names_key(connection)
        found = self._names.cached(key)
        if found is None and len(self._names) < MAX_NAMES_CALLS:
            self._names.start(key, partial(self._load, connection))
        return found

    async def get_within(self, connection: Connection, seconds: float) -> Names:
        """Wait up to `seconds` for a running request; returns the names known by then."""
        if asking := self._names.running(_names_key(connection)):
            await asyncio.wait({asking}, timeout=seconds)
        return self._names.cached(_names_key(connection)) or {}

    async def close(self) -> None:
        """Cancel all running requests."""
        await self._names.close()

    async def _load(self, connection: Connection) -> Names:
        try:
            agents = await self._emporix.list_agents(connection)
        except BotError as error:
            logger.info("agent names cannot be read, so ids are shown: %s", error.template)
            return {}
        return {agent.id: agent.name for agent in agents if agent.id}


def resolve_agents(filters: Filters, names: Names) -> Filters:
    """Replace agent names in `filters` with ids, ignoring case, spaces and hyphens.

    An unknown name is kept as an id, since jobs may outlive their agents. Similar names become
    `agent_guesses`.
    """
    ids: dict[str, None] = {}
    shown: dict[str, None] = {}
    guesses: dict[str, None] = {}
    unknown: dict[str, None] = {}
    for typed in filters.agents:
        found = _ids(typed, names)
        ids.update(dict.fromkeys(found or [typed]))
        shown.update(dict.fromkeys([names[id_] for id_ in found] or [typed]))
        if not found:
            guesses.update(dict.fromkeys(_similar_names(typed, names)))
            unknown.update({typed: None} if names else {})
    return replace(
        filters,
        agents=tuple(ids),
        agent_names=tuple(shown),
        agent_guesses=tuple(guesses)[:MAX_GUESSES],
        unknown_agents=tuple(unknown),
    )


def is_agent(typed: str, names: Names) -> bool:
    """Whether `typed` is the name or the id of an agent."""
    return bool(_ids(typed, names))


def matching_agents(typed: str, names: Names) -> dict[str, str]:
    """The agents whose name or id contains `typed`, ignoring case, sorted by name."""
    wanted = normalize(typed)
    like = [(name, id_) for id_, name in names.items() if wanted in normalize(f"{name} {id_}")]
    return {id_: name for name, id_ in sorted(like)}


def _ids(typed: str, names: Names) -> list[str]:
    """The ids that `typed` means: the agent with this id, or else all agents with this name.

    If there are none, those whose id or name has the same letters and digits.
    """
    if typed in names:
        return [typed]
    wanted = normalize(typed)
    same_id = [id_ for id_ in names if normalize(id_) == wanted]
    same_name = [id_ for id_, name in names.items() if normalize(name) == wanted]
    return same_id or same_name or _ids_with_letters(_letters(typed), names)


def _ids_with_letters(letters: str, names: Names) -> list[str]:
    same_id = [id_ for id_ in names if letters and _letters(id_) == letters]
    return same_id or [id_ for id_, name in names.items() if letters and _letters(name) == letters]


def _letters(name: str) -> str:
    """The letters and digits, because `fraud_check` is often typed for "Fraud Check"."""
    return "".join(character for character in normalize(name) if character.isalnum())


def _similar_names(typed: str, names: Names) -> list[str]:
    """Names that contain what was typed, or are spelled similarly; the most similar first."""
    wanted = _letters(typed)
    known = {_letters(word): name for id_, name in names.items() for word in (id_, name)}
    near = close_matches(wanted, known, n=MAX_GUESSES)
    if len(wanted) >= MIN_AGENT_NAME_LENGTH:
        near += sorted((word for word in known if wanted in word), key=len)
    return list(dict.fromkeys(known[word] for word in near))


def _names_key(connection: Connection) -> tuple[Caller, str, Credentials]:
    """Includes the API key: another key of the same person may have fewer permissions."""
    return connection.caller, connection.tenant, connection.credentials


def _names_ttl(names: Names) -> float:
    return NAMES_TTL_SECONDS if names else FAILED_NAMES_TTL_SECONDS


NAMES_GRACE_SECONDS = 0.15
"""How long jobs wait for names that are still being requested; after that, ids are shown."""


class NamedJobs:
    """Reads jobs and adds the names of their agents, which are requested in parallel.

    Raises what `EmporixClient` raises; missing names raise no error.
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
        """Read a page with the list call, or with the search call if `searched`."""
        call = self._client.search_jobs if searched else self._client.list_jobs
        if names := self._names.prefetch(connection):
            return await call(connection, filters, time_range, names)
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


@dataclass(frozen=True, slots=True)
class FetchedJobs:
    """Jobs sorted by their last change, latest first; `whole` if all since `since` are included.

    `total` is None if Emporix returns none.
    """

    jobs: tuple[Job, ...]
    since: float
    whole: bool
    total: int | None

    @property
    def oldest(self) -> float:
        """The time since which the jobs are complete."""
        return self.since if self.whole else min(map(modified_at, self.jobs), default=self.since)


MAX_PAGES_PER_QUERY = 4
"""Jobs beyond these pages are counted, not read."""

_TIME_OF = {CREATED: created_at, MODIFIED: modified_at}


async def fetch_pages(
    emporix: NamedJobs,
    connection: Connection,
    filters: Filters,
    part: TimeRange,
    most_pages: int = MAX_PAGES_PER_QUERY,
) -> tuple[list[Job], bool, int | None]:
    """Read jobs within a time range, latest first; returns if these are all, and their total.

    `filters` are sorted by the field of the time range. Each page begins at the time at which the
    previous one ended, so that new changes do not shift the pages. Jobs of the same time that fill
    whole pages are skipped by their number; if some may have been missed by that, the result is not
    complete. A `q:` query cannot be restricted to a time, so only one page of it is read.
    """
    found, time_of = dict[str, Job](), _TIME_OF[part.field]
    total, number, skips = None, 1, False
    for _ in range(most_pages):
        asked = replace(filters, page=number, size=MAX_PAGE_SIZE)
        page = await emporix.list_jobs(connection, asked, part)
        total = total if found else page.total
        found = {job.id: job for job in page.jobs} | found
        reached = min(map(time_of, page.jobs), default=0.0)
        if not page.has_more or not reached or filters.raw_q:
            break
        # formatted here: Emporix's may have any separator
        part = replace(part, until=iso(reached))
        number = 1 + sum(time_of(job) == reached for job in found.values()) // MAX_PAGE_SIZE
        skips |= number > 1
    whole = not page.has_more and not (skips and total is not None and len(found) < total)
    return sorted(found.values(), key=time_of, reverse=True), whole, total
