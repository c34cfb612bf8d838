"""Looking up jobs by id: one query, and single requests for missing jobs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, cast

from bot.domain.accounts import Caller, Connection, Credentials
from bot.domain.filters import Filters
from bot.domain.jobs import Job, JobPage
from bot.emporix.query import TimeRange
from bot.errors import InvalidRequest, NotFound
from bot.services.jobs import MAX_IDS_PER_QUERY, MAX_SINGLE_LOOKUPS, JobsById

HELD = Connection(Caller("T", "U"), "acme", Credentials("id", "secret"), frozenset(), 0.0)


@dataclass
class FakeCalls:
    """Has these jobs; `by_id` says whether `q` can find them by id."""

    ids: set[str]
    by_id: bool = True
    asked: list[str] = field(default_factory=list)

    async def list_jobs(self, connection: Connection, filters: Filters, part: TimeRange) -> JobPage:
        self.asked.append(filters.raw_q)
        if not self.by_id:
            raise InvalidRequest
        wanted = filters.raw_q.removeprefix("id:").strip("()").split(",")
        jobs = tuple(Job(id=one) for one in wanted if one in self.ids)
        return JobPage(jobs, 1, filters.size, len(jobs), has_more=False)

    async def get_job(self, connection: Connection, job_id: str) -> Job:
        self.asked.append(job_id)
        if job_id not in self.ids:
            raise NotFound
        return Job(id=job_id)


async def test_one_query_finds_all_jobs() -> None:
    """Two or fifty jobs are found with one call."""
    calls = FakeCalls({"a", "b", "c"})
    found = await JobsById(cast("Any", calls)).find(HELD, ["a", "b", "c", "a"])
    assert found.found.keys() == {"a", "b", "c"}
    assert calls.asked == ["id:(a,b,c)"]


async def test_missing_jobs_are_requested_one_by_one() -> None:
    """Only a 404 for the job itself means that it is gone."""
    calls = FakeCalls({"a"})
    found = await JobsById(cast("Any", calls)).find(HELD, ["a", "b"])
    assert (set(found.found), set(found.gone)) == ({"a"}, {"b"})
    assert calls.asked == ["id:(a,b)", "b"]


async def test_one_id_is_requested_directly() -> None:
    """A single job takes one call."""
    calls = FakeCalls({"a"})
    assert (await JobsById(cast("Any", calls)).find(HELD, ["a"])).found.keys() == {"a"}
    assert calls.asked == ["a"]


async def test_works_without_queries_by_id() -> None:
    """If `q` does not support ids, a few jobs are requested per poll, each in turn."""
    ids = [f"job-{number}" for number in range(25)]
    seen: set[str] = set()
    for first in (0, 10, 20):
        found = await JobsById(cast("Any", FakeCalls(set(ids), by_id=False))).find(
            HELD, ids, first=first
        )
        assert len(found.found) == MAX_SINGLE_LOOKUPS
        assert not found.gone
        seen |= found.found.keys()
    assert seen == set(ids)


async def test_looks_up_at_most_one_page() -> None:
    """At most one page of jobs is looked up."""
    calls = FakeCalls({str(number) for number in range(200)})
    found = await JobsById(cast("Any", calls)).find(HELD, [str(number) for number in range(200)])
    assert len(found.found) == MAX_IDS_PER_QUERY
    assert await JobsById(cast("Any", calls)).find(HELD, []) == type(found)({}, frozenset())
