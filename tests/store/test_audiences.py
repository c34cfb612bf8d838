"""Who reads a channel is cached for ten minutes, unless Slack reports a change."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bot.keys import new_key, parse_keys
from bot.models import Audience
from bot.store import layout
from bot.store.audiences import KEPT_SECONDS, Audiences
from bot.store.vault import Vault

OPS = Audience("C0OPS", outsiders=True)


@pytest.fixture
def audiences(redis: Any) -> Audiences:
    return Audiences(redis, Vault(parse_keys(new_key())), per_minute=50)


async def kept(audiences: Audiences) -> Audience | None:
    return (await audiences.read("C0OPS")).audience


async def test_an_answer_is_cached_for_ten_minutes(audiences: Audiences, redis: Any) -> None:
    """It is found as it was, and Redis removes it after KEPT_SECONDS."""
    await audiences.keep(OPS, (await audiences.read("C0OPS")).change)
    assert await kept(audiences) == OPS
    assert KEPT_SECONDS - 5 < await redis.ttl(layout.audience("C0OPS")) <= KEPT_SECONDS


async def test_a_reported_change_ends_it(audiences: Audiences, redis: Any) -> None:
    """The channel has to be read again; what was reported is forgotten after ten minutes, too."""
    await audiences.keep(OPS, "")
    await redis.persist(layout.audience("C0OPS"))
    await audiences.forget("C0OPS")
    assert await kept(audiences) is None
    assert 0 < await redis.ttl(layout.audience("C0OPS")) <= 600


async def test_an_answer_from_before_a_change_is_not_cached(audiences: Audiences) -> None:
    """Slack reported the change while the channel was being read."""
    before = (await audiences.read("C0OPS")).change
    await audiences.forget("C0OPS")
    await audiences.keep(OPS, before)
    assert await kept(audiences) is None
    await audiences.keep(OPS, (await audiences.read("C0OPS")).change)
    assert await kept(audiences) == OPS


async def test_an_unknown_audience_is_not_cached(audiences: Audiences) -> None:
    """Somebody may invite the app the next moment."""
    await audiences.keep(replace(OPS, known=False, refused="channel_not_found"), "")
    assert await kept(audiences) is None


async def test_an_answer_of_another_channel_does_not_open(audiences: Audiences, redis: Any) -> None:
    """A program that writes to Redis cannot make a channel look harmless by copying."""
    await audiences.keep(replace(OPS, channel_id="C0GENERAL", outsiders=False), "")
    sealed = await redis.hget(layout.audience("C0GENERAL"), "audience")
    await redis.hset(layout.audience("C0OPS"), "audience", sealed)
    assert await kept(audiences) is None


async def test_reads_stay_below_slacks_limit(audiences: Audiences) -> None:
    """A burst at once; each further caller gets a later time, as far apart as reads may be."""
    assert [await audiences.reserve() for _ in range(10)] == [0.0] * 10
    waits = [await audiences.reserve() for _ in range(3)]
    assert waits == pytest.approx([1.5, 3.0, 4.5], abs=0.3)


async def test_nobody_reads_while_slack_asks_to_wait(audiences: Audiences) -> None:
    """After a 429, for as long as Slack said."""
    await audiences.hold(30.0)
    assert await audiences.reserve() == pytest.approx(30.0, abs=0.3)
