"""What an alert looks at: all that was changed since, whatever changes while it reads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

from bot.emporix.models import Job, JobPage
from bot.emporix.part import Part
from bot.models import Caller, Connection, Credentials, Filters
from bot.services.alerts.fetching import MOST_PAGES, fetch
from bot.services.alerts.watermark import Fetched
from sandbox.emporix.times import iso

HELD = Connection(Caller("T", "U"), "acme", Credentials("id", "secret"), frozenset(), 0.0)
START = 1_795_430_000.0


@dataclass
class FakeCalls:
    """Lists jobs by their last change; `meanwhile` happens after each page."""

    jobs: list[Job]
    meanwhile: Callable[[], None] = lambda: None
    asked: list[Part] = field(default_factory=list)

    async def list_jobs(self, connection: Connection, filters: Filters, part: Part) -> JobPage:
        self.asked.append(part)
        bounded = Part() if filters.raw_q else part
        fit = [
            job
            for job in sorted(self.jobs, key=lambda job: job.modified_at, reverse=True)
            if bounded.since <= job.modified_at <= (bounded.until or "9")
        ]
        page = JobPage(
            tuple(fit[: filters.size]), 1, filters.size, len(fit), len(fit) > filters.size
        )
        self.meanwhile()
        return page


async def read(calls: FakeCalls, *asked: Any, **limits: Any) -> Fetched:
    return await fetch(cast("Any", calls), *asked, **limits)


def job(number: int, at: float) -> Job:
    return Job(id=f"job-{number}", modified_at=iso(at))


async def test_reads_page_after_page() -> None:
    """Each begins where the one before it ended."""
    calls = FakeCalls([job(number, START + number) for number in range(130)])
    fetched = await read(calls, HELD, Filters(), START)
    assert (len(fetched.jobs), fetched.whole, fetched.total) == (130, True, 130)
    assert len(calls.asked) == 3
    assert [one.id for one in fetched.jobs[:2]] == ["job-129", "job-128"]


async def test_what_changes_meanwhile_shifts_nothing() -> None:
    """A job that is changed while pages are read moves to the top, and no other is missed."""
    jobs = [job(number, START + number) for number in range(130)]
    calls = FakeCalls(jobs)
    calls.meanwhile = lambda: jobs.__setitem__(129, job(129, START + 1000))
    fetched = await read(calls, HELD, Filters(), START)
    assert {one.id for one in fetched.jobs} == {f"job-{number}" for number in range(130)}


async def test_is_bounded() -> None:
    """A flood is counted."""
    calls = FakeCalls([job(number, START + number) for number in range(1000)])
    fetched = await read(calls, HELD, Filters(), START)
    assert (fetched.whole, fetched.total, len(calls.asked)) == (False, 1000, MOST_PAGES)
    assert fetched.oldest == START + 1000 - len(fetched.jobs)


async def test_many_changes_at_one_time_end_it() -> None:
    """More than a page of the same millisecond gives no place to go on from."""
    calls = FakeCalls([job(number, START) for number in range(80)])
    fetched = await read(calls, HELD, Filters(), START)
    assert (len(fetched.jobs), fetched.whole, len(calls.asked)) == (50, False, 2)


async def test_a_query_of_its_own_is_read_once() -> None:
    """Its page tells by its last job whether it reaches far enough."""
    calls = FakeCalls([job(number, START + number) for number in range(80)])
    query = Filters(raw_q="status:FAILURE")
    assert (await read(calls, HELD, query, START + 40)).whole
    assert not (await read(calls, HELD, query, START)).whole
    assert len(calls.asked) == 2


async def test_nothing_of_a_job_gets_into_the_query() -> None:
    """Python takes any character between date and time: a time is written anew by us."""
    odd = [Job(id=f"job-{number}", modified_at='2026-11-23"10:00:00') for number in range(130)]
    calls = FakeCalls(odd)
    await read(calls, HELD, Filters(), 0.0)
    assert all('"' not in part.since + part.until + part.before for part in calls.asked)
    assert {part.until for part in calls.asked} <= {"", "2026-11-23T10:00:00.000Z"}
