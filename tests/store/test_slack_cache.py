"""A person's time zone is remembered for a day."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bot.domain.channels import Audience
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


async def test_gives_back_the_zone(redis: Any) -> None:
    """Each has their own; who has none has an empty one."""
    zones = TimeZoneCache(redis)
    await zones.save(ADA, "Europe/Berlin")
    assert (await zones.load(ADA), await zones.load(GRACE)) == ("Europe/Berlin", "")
    assert 0 < await redis.ttl(redis_keys.time_zone(ADA)) <= TIME_ZONE_TTL_SECONDS


async def test_a_refusal_is_remembered_for_a_day(redis: Any) -> None:
    """For this workspace and this kind of message only."""
    charts = ChartSupport(redis)
    assert not await charts.is_refused("T0ACME", "ephemeral")
    await charts.mark_refused("T0ACME", "ephemeral")
    assert await charts.is_refused("T0ACME", "ephemeral")
    assert not await charts.is_refused("T0ACME", "channel")
    assert not await charts.is_refused("T0OTHER", "ephemeral")
    key = redis_keys.charts_refused("T0ACME", "ephemeral")
    assert 86_390 < await redis.ttl(key) <= 86_400
    await redis.delete(key)  # as Redis does after that
    assert not await charts.is_refused("T0ACME", "ephemeral")


OPS = Audience("C0OPS", has_outsiders=True)


@pytest.fixture
def audiences(redis: Any) -> AudienceCache:
    return AudienceCache(redis, Cipher(parse_keys(new_key())), per_minute=50)


async def kept(audiences: AudienceCache) -> Audience | None:
    return (await audiences.load("C0OPS")).audience


async def test_an_answer_is_cached_for_ten_minutes(audiences: AudienceCache, redis: Any) -> None:
    """It is found as it was, and Redis removes it after KEPT_SECONDS."""
    await audiences.save(OPS, (await audiences.load("C0OPS")).change)
    assert await kept(audiences) == OPS
    assert (
        AUDIENCE_TTL_SECONDS - 5
        < await redis.ttl(redis_keys.audience("C0OPS"))
        <= AUDIENCE_TTL_SECONDS
    )


async def test_a_reported_change_ends_it(audiences: AudienceCache, redis: Any) -> None:
    """The channel has to be read again; what was reported is forgotten after ten minutes, too."""
    await audiences.save(OPS, "")
    await redis.persist(redis_keys.audience("C0OPS"))
    await audiences.invalidate("C0OPS")
    assert await kept(audiences) is None
    assert 0 < await redis.ttl(redis_keys.audience("C0OPS")) <= 600


async def test_an_answer_from_before_a_change_is_not_cached(audiences: AudienceCache) -> None:
    """Slack reported the change while the channel was being read."""
    before = (await audiences.load("C0OPS")).change
    await audiences.invalidate("C0OPS")
    await audiences.save(OPS, before)
    assert await kept(audiences) is None
    await audiences.save(OPS, (await audiences.load("C0OPS")).change)
    assert await kept(audiences) == OPS


async def test_an_unknown_audience_is_not_cached(audiences: AudienceCache) -> None:
    """Somebody may invite the app the next moment."""
    await audiences.save(replace(OPS, is_known=False, error_code="channel_not_found"), "")
    assert await kept(audiences) is None


async def test_an_answer_of_another_channel_does_not_open(
    audiences: AudienceCache, redis: Any
) -> None:
    """A program that writes to Redis cannot make a channel look harmless by copying."""
    await audiences.save(replace(OPS, channel_id="C0GENERAL", has_outsiders=False), "")
    sealed = await redis.hget(redis_keys.audience("C0GENERAL"), "audience")
    await redis.hset(redis_keys.audience("C0OPS"), "audience", sealed)
    assert await kept(audiences) is None


async def test_reads_stay_below_slacks_limit(audiences: AudienceCache) -> None:
    """A burst at once; each further caller gets a later time, as far apart as reads may be."""
    assert [await audiences.reserve() for _ in range(10)] == [0.0] * 10
    waits = [await audiences.reserve() for _ in range(3)]
    assert waits == pytest.approx([1.5, 3.0, 4.5], abs=0.3)


async def test_nobody_reads_while_slack_asks_to_wait(audiences: AudienceCache) -> None:
    """After a 429, for as long as Slack said."""
    await audiences.pause(30.0)
    assert await audiences.reserve() == pytest.approx(30.0, abs=0.3)
