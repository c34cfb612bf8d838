"""What an alert looks at: all that was changed since, whatever changes while it reads."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.accounts import Caller, Connection, Credentials, PolledConnection
from bot.domain.filters import Filters
from bot.emporix.models import Job, JobPage
from bot.emporix.time_range import TimeRange
from bot.errors import RateLimited, Unauthorized
from bot.services.alerts.poll import MOST_PAGES, Polled, fetch, wait
from bot.services.alerts.watermark import Fetched
from bot.store import keys as redis_keys
from sandbox.emporix.times import iso
from tests.harness.clock import FakeClock
from tests.harness.polling import OTHER_VAULT, Bench
from tests.store.fixtures import ADA

HELD = Connection(Caller("T", "U"), "acme", Credentials("id", "secret"), frozenset(), 0.0)
START = 1_795_430_000.0


@dataclass
class FakeCalls:
    """Lists jobs by their last change; `meanwhile` happens after each page."""

    jobs: list[Job]
    meanwhile: Callable[[], None] = lambda: None
    asked: list[TimeRange] = field(default_factory=list)

    async def list_jobs(self, connection: Connection, filters: Filters, part: TimeRange) -> JobPage:
        self.asked.append(part)
        bounded = TimeRange() if filters.raw_q else part
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


ADAS = PolledConnection(ADA, "acme")
DAY = 86_400.0


@pytest.fixture
async def bench(redis: Any, clock: FakeClock) -> Bench:
    """Ada has turned alerts on in #ops."""
    bench = Bench(redis, clock)
    await bench.alerts.on(await bench.account(), "C0OPS", Filters())
    return bench


async def look(bench: Bench, *, refused: bool = False) -> Polled:
    bench.emporix.error = Unauthorized() if refused else None
    looked: Polled = await bench.looks.look(ADAS)
    return looked


async def due_in(bench: Bench) -> float:
    return float(await bench.redis.zscore(redis_keys.alerts_due(), ADAS.name)) - bench.clock()


async def test_three_refusals_in_a_row_are_believed(bench: Bench) -> None:
    """The first two may be a hiccup of Emporix."""
    said = [(await look(bench, refused=True)).broken for _ in range(3)]
    assert said == ["", "", "unauthorized"]


async def test_refusals_with_a_good_look_between_are_not(bench: Bench) -> None:
    """Two refusals, a good look, two refusals: the alerts stay on."""
    said = [
        (await look(bench, refused=refused)).broken for refused in (True, True, False, True, True)
    ]
    assert said == [""] * 5


async def test_refusals_of_what_is_paused_are_forgotten(bench: Bench) -> None:
    """Nothing stays in Redis of a connection that is not used any more."""
    for _ in range(3):
        await look(bench, refused=True)
    await bench.course.pause_all(ADAS, "unauthorized")
    await look(bench)
    assert await bench.redis.hlen(redis_keys.alerts_failures()) == 0


async def test_a_worker_without_the_key_forgets_nothing(bench: Bench, redis: Any) -> None:
    """What it cannot open is looked at again within a minute, for another worker can."""
    other = Bench(redis, bench.clock, OTHER_VAULT)
    assert await other.looks.look(ADAS) == Polled()
    assert await due_in(bench) <= 60
    assert other.emporix.calls == 0


async def test_says_which_paused_alerts_need_a_notice(bench: Bench) -> None:
    """At once, and once more 24 hours later; in between and afterwards nothing."""
    (alert,) = await bench.alert_store.of_channel(ADA.team_id, "C0OPS")
    await bench.course.pause(alert.id, "filters")
    for unnoticed in [(alert.id,), (alert.id,), ()]:
        assert (await look(bench)).unnoticed == unnoticed
        await bench.course.noticed(await bench.alert_store.load(alert.id))
        bench.clock.forward(DAY - 1)
        assert (await look(bench)).unnoticed == ()
        assert 0 < await due_in(bench) <= 900
        bench.clock.forward(1)


async def test_asks_nothing_for_paused_alerts(bench: Bench) -> None:
    """Emporix is left alone until somebody resumes one."""
    await bench.course.pause_all(ADAS, "filters")
    before = bench.emporix.calls
    await look(bench)
    assert bench.emporix.calls == before


async def test_finds_what_emporix_shows_late(bench: Bench) -> None:
    """A change that is shown 170 seconds after it happened is told."""
    old, late = bench.clock() + 200, bench.clock() + 30
    bench.clock.forward(200)
    bench.emporix.jobs["job-1"] = Job(id="job-1", status="failure", modified_at=iso(old))
    await look(bench)
    (alert,) = await bench.alert_store.of_channel(ADA.team_id, "C0OPS")
    await bench.course.done(alert, ())
    bench.emporix.jobs["job-2"] = Job(id="job-2", status="failure", modified_at=iso(late))
    await look(bench)
    (alert,) = await bench.alert_store.of_channel(ADA.team_id, "C0OPS")
    assert alert.batch
    assert [change.job_id for change in alert.batch.changes] == ["job-2"]


async def test_strikes_never_put_a_look_off_for_long(bench: Bench) -> None:
    """However many there were."""
    await bench.redis.hset(redis_keys.alerts_failures(), ADAS.name, 5_000)
    await look(bench, refused=True)
    assert await due_in(bench) <= 900


@given(st.floats() | st.none())
def test_emporix_is_left_alone_for_a_bounded_time(asked: float | None) -> None:
    """Whatever a Retry-After says: from 50 seconds to a quarter of an hour."""
    error = RateLimited()
    error.retry_after = asked
    seconds = wait(error, [], 1_000.0)
    assert 50 <= seconds <= 900
    assert not math.isnan(seconds)
