"""Jobs with the names of their agents: the calls of Emporix that jobs need, and one beside them."""

from __future__ import annotations

from dataclasses import replace

from bot.emporix.client import EmporixClient
from bot.emporix.models import Job, JobPage
from bot.emporix.part import WHOLE, Part
from bot.models import Connection, Filters
from bot.services.agents import AgentNames, Names

GRACE_SECONDS = 0.15
"""So long jobs wait for names that are still on their way; then ids are shown."""


class NamedJobs:
    """The same calls; where names are not known, they are asked for at the same time.

    Raises what the calls raise, and nothing because of names.
    """

    def __init__(
        self, calls: EmporixClient, names: AgentNames, *, grace_seconds: float = GRACE_SECONDS
    ) -> None:
        self._calls, self._names, self._grace = calls, names, grace_seconds

    async def list_jobs(
        self, connection: Connection, filters: Filters, part: Part = WHOLE
    ) -> JobPage:
        self._names.begin(connection)
        return await self._named(connection, await self._calls.list_jobs(connection, filters, part))

    async def search_jobs(self, connection: Connection, filters: Filters, part: Part) -> JobPage:
        self._names.begin(connection)
        page = await self._calls.search_jobs(connection, filters, part)
        return await self._named(connection, page)

    async def get_job(self, connection: Connection, job_id: str) -> Job:
        self._names.begin(connection)
        job = await self._calls.get_job(connection, job_id)
        return _with_name(job, await self._names.within(connection, self._grace))

    async def _named(self, connection: Connection, page: JobPage) -> JobPage:
        if not any(job.agent_id for job in page.jobs):
            return page
        names = await self._names.within(connection, self._grace)
        return replace(page, jobs=tuple(_with_name(job, names) for job in page.jobs))


def _with_name(job: Job, names: Names) -> Job:
    return replace(job, agent_name=names.get(job.agent_id, ""))
