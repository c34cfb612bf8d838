"""A clock and a time zone."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from bot.domain.filters import Filters
from bot.services.filters.parser import parse

BERLIN = "Europe/Berlin"


class FakeWall:
    """A clock at the local time `now` in a zone; `asked` counts requests for the zone."""

    def __init__(self, now: str = "2026-11-23T11:33:20", zone: str = BERLIN) -> None:
        here = ZoneInfo(zone) if zone else ZoneInfo("UTC")
        self._now = datetime.fromisoformat(now).replace(tzinfo=here).timestamp()
        self._zone = ZoneInfo(zone) if zone else None
        self.asked = 0

    def now(self) -> float:
        return self._now

    async def zone(self) -> ZoneInfo | None:
        self.asked += 1
        return self._zone


async def settled(typed: str, wall: FakeWall | None = None) -> Filters:
    return await parse(typed).resolve(wall or FakeWall())
