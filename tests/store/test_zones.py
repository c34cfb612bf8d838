"""A person's time zone is remembered for a day."""

from __future__ import annotations

from typing import Any

from bot.store import layout
from bot.store.zones import KEPT_SECONDS, ZoneStore
from tests.store.fixtures import ADA, GRACE


async def test_gives_back_the_zone(redis: Any) -> None:
    """Each has their own; who has none has an empty one."""
    zones = ZoneStore(redis)
    await zones.save(ADA, "Europe/Berlin")
    assert (await zones.load(ADA), await zones.load(GRACE)) == ("Europe/Berlin", "")
    assert 0 < await redis.ttl(layout.zone(ADA)) <= KEPT_SECONDS
