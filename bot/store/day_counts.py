"""How many jobs past days had: sealed, as they are somebody's business, and for three weeks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from bot.store import layout
from bot.store.connection import Commands, reaching_redis
from bot.store.vault import Unopenable, Vault

KEPT_SECONDS = 21 * 24 * 60 * 60
"""After the last count; longer than a picture looks back."""


@dataclass(frozen=True, slots=True)
class Counted:
    """The jobs of a day by status, as they were counted `at` a time, in seconds since 1970."""

    counts: tuple[int, ...]
    at: float


class DayCounts:
    """Counts by a series, which names what is counted, and date.

    Both methods raise StoreUnavailable where Redis does not answer.
    """

    def __init__(self, redis: Commands, vault: Vault) -> None:
        self._redis, self._vault = redis, vault

    async def load(self, series: str) -> dict[str, Counted]:
        """What is kept; nothing where it cannot be opened any more."""
        key = layout.day_counts(series)
        with reaching_redis():
            sealed = await self._redis.get(key)
        try:
            days = json.loads(self._vault.open(sealed, key)) if sealed else {}
        except Unopenable:
            return {}
        return {on: Counted(tuple(counts), at) for on, (counts, at) in days.items()}

    async def keep(self, series: str, days: Mapping[str, Counted]) -> None:
        """Keep these days of a series, and no others."""
        key = layout.day_counts(series)
        facts = {on: (day.counts, day.at) for on, day in days.items()}
        with reaching_redis():
            await self._redis.set(key, self._vault.seal(json.dumps(facts), key), ex=KEPT_SECONDS)
