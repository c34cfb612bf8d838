"""What is due is found in a time that grows with how much that is."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.models import Caller
from bot.store.sources import TAKEN_SECONDS, Source, Sources
from tests.store.fixtures import ADA, GRACE

ADAS, GRACES = Source(ADA, "acme"), Source(GRACE, "globex")


@pytest.fixture
def sources(redis: Any) -> Sources:
    return Sources(redis, "test:{clock}:due", "test:{clock}:strikes")


async def test_gives_what_is_due_to_one(sources: Sources) -> None:
    """Nobody else gets it for a minute; then it was dropped, and is due again."""
    await sources.look_again(ADAS, 10.0)
    await sources.look_again(GRACES, 20.0)
    assert await sources.take_due(9.0, 100) == []
    assert await sources.take_due(15.0, 100) == [ADAS]
    assert await sources.take_due(15.0, 100) == []
    assert await sources.take_due(15.0 + TAKEN_SECONDS, 100) == [GRACES, ADAS]


async def test_takes_so_many_at_most(sources: Sources) -> None:
    """The earliest first."""
    await sources.look_again(ADAS, 10.0)
    await sources.look_again(GRACES, 5.0)
    assert await sources.take_due(15.0, 1) == [GRACES]


async def test_a_member_that_names_no_connection_stops_nobody(
    sources: Sources, redis: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged and removed, and the others that are due are given."""
    await redis.zadd("test:{clock}:due", {"junk": 1.0})
    await sources.look_again(ADAS, 10.0)
    assert await sources.take_due(15.0, 100) == [ADAS]
    assert "names no connection" in caplog.text
    assert await redis.zrange("test:{clock}:due", 0, -1) == [ADAS.name]


async def test_soon_is_never_later(sources: Sources) -> None:
    """Who wants a look soon does not put off one that comes earlier."""
    await sources.look_again(ADAS, 10.0)
    await sources.look_soon(ADAS, 30.0)
    assert await sources.take_due(10.0, 1) == [ADAS]
    await sources.look_soon(ADAS, 20.0)
    assert await sources.take_due(20.0, 1) == [ADAS]


async def test_forgets_where_nothing_is_followed(sources: Sources, redis: Any) -> None:
    """Nothing stays behind."""
    await sources.look_again(ADAS, 10.0)
    await sources.strike(ADAS)
    await sources.look_again(ADAS, None)
    await sources.clear_strikes(ADAS)
    assert await redis.keys("test:*") == []


async def test_counts_strikes_in_a_row(sources: Sources) -> None:
    """One that works begins anew."""
    assert [await sources.strike(ADAS), await sources.strike(ADAS)] == [1, 2]
    await sources.clear_strikes(ADAS)
    assert await sources.strike(ADAS) == 1


plain = st.text(st.characters(categories=["Lu", "Nd"]), max_size=12)


@given(plain, plain, plain, st.text(max_size=20))
def test_names_read_back(team: str, user: str, enterprise: str, tenant: str) -> None:
    """Whatever a tenant is called."""
    source = Source(Caller(team, user, enterprise), tenant)
    assert Source.named(source.name) == source
