"""Which workspaces refuse charts: remembered for a day, for each kind of message."""

from __future__ import annotations

from typing import Any

from bot.store import layout
from bot.store.chart_support import ChartSupport


async def test_a_refusal_is_remembered_for_a_day(redis: Any) -> None:
    """For this workspace and this kind of message only."""
    charts = ChartSupport(redis)
    assert not await charts.is_refused("T0ACME", "ephemeral")
    await charts.remember_refusal("T0ACME", "ephemeral")
    assert await charts.is_refused("T0ACME", "ephemeral")
    assert not await charts.is_refused("T0ACME", "channel")
    assert not await charts.is_refused("T0OTHER", "ephemeral")
    key = layout.charts_refused("T0ACME", "ephemeral")
    assert 86_390 < await redis.ttl(key) <= 86_400
    await redis.delete(key)  # as Redis does after that
    assert not await charts.is_refused("T0ACME", "ephemeral")
