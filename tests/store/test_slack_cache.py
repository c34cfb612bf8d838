"""Facts from Slack are cached for a limited time."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bot.domain.accounts import Audience
from bot.store import keys as redis_keys
from bot.store.encryption import Cipher, new_key, parse_keys
from bot.store.slack_cache import (
    AUDIENCE_TTL_SECONDS,
    TIME_ZONE_TTL_SECONDS,
    AudienceCache,
    ChartSupport,
    TimeZoneCache,
)
from tests.store.fixtures import ADA, GRACE


async def test_loads_the_saved_time_zone(redis: Any) -> None:
    """Each user has a time zone, which is empty if unknown."""
    zones = TimeZoneCache(redis)
    await zones.save(ADA, "Europe/Berlin")
    assert (await zones.load(ADA), await zones.load(GRACE)) == ("Europe/Berlin", "")
    assert 0 < await redis.ttl(redis_keys.time_zone(ADA)) <= TIME_ZONE_TTL_SECONDS


async def test_a_refusal_is_remembered_for_a_day(redis: Any) -> None:
    """Rejected charts are remembered per workspace."""
    charts = ChartSupport(redis)
    assert not await charts.is_refused("T0ACME")
    await charts.mark_refused("T0ACME")
    assert await charts.is_refused("T0ACME")
    assert not await charts.is_refused("T0OTHER")
    key = redis_keys.charts_refused("T0ACME")
    assert 86_390 < await redis.ttl(key) <= 86_400
    await redis.delete(key)  # as Redis does after that
    assert not await charts.is_refused("T0ACME")


OPS = Audience("C0OPS", has_outsiders=True)


@pytest.fixture
def audiences(redis: Any) -> AudienceCache:
    return AudienceCache(redis, Cipher(parse_keys(new_key())), per_minute=50)


async def kept(audiences: AudienceCache) -> Audience | None:
    return (await audiences.load("C0OPS")).audience


async def test_an_answer_is_cached_for_ten_minutes(audiences: AudienceCache, redis: Any) -> None:
    """An audience is loaded as saved, and expires."""
    await audiences.save(OPS, (await audiences.load("C0OPS")).change)
    assert await kept(audiences) == OPS
    assert (
        AUDIENCE_TTL_SECONDS - 5
        < await redis.ttl(redis_keys.audience("C0OPS"))
        <= AUDIENCE_TTL_SECONDS
    )


async def test_a_reported_change_ends_it(audiences: AudienceCache, redis: Any) -> None:
    """After a change the channel must be read again; the change is forgotten after ten minutes."""
    await audiences.save(OPS, "")
    await redis.persist(redis_keys.audience("C0OPS"))
    await audiences.invalidate("C0OPS")
    assert await kept(audiences) is None
    assert 0 < await redis.ttl(redis_keys.audience("C0OPS")) <= 600


async def test_an_answer_from_before_a_change_is_not_cached(audiences: AudienceCache) -> None:
    """An audience isn't cached if a change was reported while it was being read."""
    before = (await audiences.load("C0OPS")).change
    await audiences.invalidate("C0OPS")
    await audiences.save(OPS, before)
    assert await kept(audiences) is None
    await audiences.save(OPS, (await audiences.load("C0OPS")).change)
    assert await kept(audiences) == OPS


async def test_an_unknown_audience_is_not_cached(audiences: AudienceCache) -> None:
    """An unknown audience isn't cached: the app may be invited at any moment."""
    await audiences.save(replace(OPS, is_known=False, error_code="channel_not_found"), "")
    assert await kept(audiences) is None


async def test_an_answer_of_another_channel_does_not_open(
    audiences: AudienceCache, redis: Any
) -> None:
    """An audience copied to another channel can't be decrypted."""
    await audiences.save(replace(OPS, channel_id="C0GENERAL", has_outsiders=False), "")
    encrypted = await redis.hget(redis_keys.audience("C0GENERAL"), "audience")
    await redis.hset(redis_keys.audience("C0OPS"), "audience", encrypted)
    assert await kept(audiences) is None


async def test_reads_stay_below_slacks_limit(audiences: AudienceCache) -> None:
    """After a burst, each caller gets a later time, spaced by the rate limit."""
    assert [await audiences.reserve() for _ in range(10)] == [0.0] * 10
    waits = [await audiences.reserve() for _ in range(3)]
    assert waits == pytest.approx([1.5, 3.0, 4.5], abs=0.3)


async def test_reads_pause_after_a_429(audiences: AudienceCache) -> None:
    """After a 429, reads pause for as long as Slack said."""
    await audiences.pause(30.0)
    assert await audiences.reserve() == pytest.approx(30.0, abs=0.3)
