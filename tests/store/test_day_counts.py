"""Counts of past days: sealed, for their own series, for three weeks."""

from __future__ import annotations

from typing import Any

import pytest

from bot.keys import new_key, parse_keys
from bot.store import layout
from bot.store.day_counts import KEPT_SECONDS, Counted, DayCounts
from bot.store.vault import Vault

SOURCE = ":T0ACME:U0ADA:acme"
DAYS = {"2026-11-22": Counted((3, 120, 4), 1.0), "2026-11-23": Counted((0, 0, 0), 2.5)}


@pytest.fixture
def counts(redis: Any) -> DayCounts:
    return DayCounts(redis, Vault(parse_keys(new_key())))


async def test_gives_what_was_kept(redis: Any, counts: DayCounts) -> None:
    """Nothing else, and not for ever."""
    assert await counts.load(SOURCE, "series") == {}
    await counts.keep(SOURCE, "series", DAYS)
    assert await counts.load(SOURCE, "series") == DAYS
    assert await counts.load(SOURCE, "another") == {}
    assert 0 < await redis.ttl(layout.day_counts(SOURCE, "series")) <= KEPT_SECONDS


async def test_keeps_only_the_newest(counts: DayCounts) -> None:
    """A series does not grow."""
    await counts.keep(SOURCE, "series", DAYS)
    newest = {"2026-11-24": Counted((1,), 3.0)}
    await counts.keep(SOURCE, "series", newest)
    assert await counts.load(SOURCE, "series") == newest


async def test_numbers_do_not_lie_open(redis: Any, counts: DayCounts) -> None:
    """What was copied to another place, or sealed with a key that is gone, counts as nothing."""
    await counts.keep(SOURCE, "series", DAYS)
    sealed = await redis.get(layout.day_counts(SOURCE, "series"))
    assert "2026-1" not in sealed
    await redis.set(layout.day_counts(SOURCE, "another"), sealed)
    assert await counts.load(SOURCE, "another") == {}
    assert await DayCounts(redis, Vault(parse_keys(new_key()))).load(SOURCE, "series") == {}
