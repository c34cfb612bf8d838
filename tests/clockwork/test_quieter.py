"""The log of a worker can be read."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from redis.exceptions import RedisError

from bot.clockwork.quieter import Quieter
from bot.errors import StoreUnavailable
from bot.later import Later
from bot.store.connection import connect_for_queue
from bot.store.trouble import EVERY_SECONDS, TroubleLog
from tests.clock import FakeClock

SAQ = logging.getLogger("saq")
LINE = "Redis cannot be used: ConnectionError"


@pytest.fixture(autouse=True)
def _filtered(clock: FakeClock) -> Iterator[None]:
    quieter = Quieter(TroubleLog(clock))
    SAQ.addFilter(quieter)
    yield
    SAQ.removeFilter(quieter)


async def fail(error: Exception | None = None) -> None:
    """As saq does: a traceback, by default of a Redis that is not there."""
    try:
        if error:
            raise error
        await connect_for_queue("unix:///nowhere/redis.sock").ping()
    except (RedisError, OSError, ValueError, Later, StoreUnavailable):  # what the tests raise
        SAQ.exception("Upkeep task failed unexpectedly")


async def test_one_line_says_that_redis_is_away(
    caplog: pytest.LogCaptureFixture, clock: FakeClock
) -> None:
    """And one more some seconds later, as long as it is so."""
    for _ in range(3):
        await fail()
    assert [record.getMessage() for record in caplog.records] == [LINE]
    assert caplog.records[0].exc_info is None
    clock.now += EVERY_SECONDS
    await fail()
    assert [record.getMessage() for record in caplog.records] == [LINE, LINE]


async def test_a_store_that_is_away_is_one_line_too(caplog: pytest.LogCaptureFixture) -> None:
    """Also where the queue has already said that it is Redis."""
    await fail(StoreUnavailable("TimeoutError"))
    assert [record.getMessage() for record in caplog.records] == [
        LINE.replace("ConnectionError", "StoreUnavailable")
    ]


@pytest.mark.parametrize("error", [ValueError("odd"), TimeoutError(), OSError("disk")])
async def test_hides_nothing_else(caplog: pytest.LogCaptureFixture, error: Exception) -> None:
    """A failure of another kind keeps its traceback, and words without one their place."""
    await fail(error)
    SAQ.warning("a word")
    assert [record.getMessage() for record in caplog.records] == [
        "Upkeep task failed unexpectedly",
        "a word",
    ]
    assert caplog.records[0].exc_info is not None


async def test_a_pause_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    """A task that waits for its turn, or runs again after what was told, has not failed."""
    await fail(Later(2.0, "a pause", 1))
    assert not caplog.records
