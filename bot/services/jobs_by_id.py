"""Many jobs by their ids at once: one query for all of them, and a look at each that it misses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from bot.emporix.listing import MAX_PAGE_SIZE
from bot.emporix.models import Job, JobPage
from bot.emporix.part import WHOLE, Part
from bot.emporix.query import by_ids
from bot.errors import InvalidRequest, NotFound
from bot.models import Connection, Filters

MOST_AT_ONCE = MAX_PAGE_SIZE

MOST_SINGLE = 10
"""Emporix does not say that jobs can be found by id in `q`: where they cannot, or are gone, so many
are asked for one by one."""


class Calls(Protocol):
    """The calls that find jobs."""

    async def list_jobs(self, connection: Connection, filters: Filters, part: Part) -> JobPage: ...
    async def get_job(self, connection: Connection, job_id: str) -> Job: ...


@dataclass(frozen=True, slots=True)
class FoundJobs:
    """`there` by id, and the ids of those that are `gone`; of the others nothing is known."""

    there: dict[str, Job]
    gone: frozenset[str]


class JobsById:
    """Raises what Emporix raises, but NotFound."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def find(self, held: Connection, ids: Sequence[str], *, first: int = 0) -> FoundJobs:
        """At most `MOST_AT_ONCE` of `ids`; the one at place `first` is asked for first singly."""
        wanted = list(dict.fromkeys(ids))[:MOST_AT_ONCE]
        there = await self._together(held, wanted)
        gone = set()
        missing = [job_id for job_id in _from(wanted, first) if job_id not in there]
        for job_id in missing[:MOST_SINGLE]:
            try:
                there[job_id] = await self._calls.get_job(held, job_id)
            except NotFound:
                gone.add(job_id)
        return FoundJobs(there, frozenset(gone))

    async def _together(self, held: Connection, ids: Sequence[str]) -> dict[str, Job]:
        if len(ids) < 2:
            return {}
        filters = Filters(raw_q=by_ids(ids), size=len(ids))
        try:
            page = await self._calls.list_jobs(held, filters, WHOLE)
        except InvalidRequest:  # `id` cannot be asked for
            return {}
        return {job.id: job for job in page.jobs if job.id in ids}


def _from(ids: Sequence[str], first: int) -> list[str]:
    """The same ids, beginning with the one at a place that may lie beyond the end."""
    start = first % len(ids) if ids else 0
    return [*ids[start:], *ids[:start]]
