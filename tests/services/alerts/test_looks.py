"""Looks: what refusals mean, when the next one comes, and which paused alerts need a notice."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.emporix.models import Job
from bot.errors import RateLimited, Unauthorized
from bot.models import Filters
from bot.services.alerts.looks import Looked, wait
from bot.store import layout
from bot.store.sources import Source
from sandbox.emporix.times import iso
from tests.clock import FakeClock
from tests.services.following import OTHER_VAULT, Bench
from tests.store.fixtures import ADA

ADAS = Source(ADA, "acme")
DAY = 86_400.0


@pytest.fixture
async def bench(redis: Any, clock: FakeClock) -> Bench:
    """Ada has turned alerts on in #ops."""
    bench = Bench(redis, clock)
    await bench.alerts.on(await bench.account(), "C0OPS", Filters())
    return bench


async def look(bench: Bench, *, refused: bool = False) -> Looked:
    bench.emporix.error = Unauthorized() if refused else None
    looked: Looked = await bench.looks.look(ADAS)
    return looked


async def due_in(bench: Bench) -> float:
    return float(await bench.redis.zscore(layout.alerts_due(), ADAS.name)) - bench.clock()


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
    assert await bench.redis.hlen(layout.alerts_strikes()) == 0


async def test_a_worker_without_the_key_forgets_nothing(bench: Bench, redis: Any) -> None:
    """What it cannot open is looked at again within a minute, for another worker can."""
    other = Bench(redis, bench.clock, OTHER_VAULT)
    assert await other.looks.look(ADAS) == Looked()
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
    await bench.redis.hset(layout.alerts_strikes(), ADAS.name, 5_000)
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
