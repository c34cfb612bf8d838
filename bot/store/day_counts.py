"""How many jobs past days had: sealed, as they are somebody's business, and for three weeks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bot.models import Stored
from bot.store import layout
from bot.store.connection import Commands, reaching_redis
from bot.store.sealing import Sealing
from bot.store.serialization import Serializer
from bot.store.vault import Vault

KEPT_SECONDS = 21 * 24 * 60 * 60
"""After the last count; longer than a chart looks back."""


@dataclass(frozen=True, slots=True)
class Counted(Stored):
    """The jobs of a day by status, as they were counted `at` a time, in seconds since 1970."""

    counts: tuple[int, ...]
    at: float


DAYS = Serializer(dict[str, Counted])


class DayCounts:
    """Counts by connection, by a series, which names what is counted, and by date.

    `source` is the name of a `bot.store.sources.Source`. Both methods raise StoreUnavailable where
    Redis does not answer.
    """

    def __init__(self, redis: Commands, vault: Vault) -> None:
        self._redis, self._sealing = redis, Sealing(vault, "series of day counts", DAYS)

    async def load(self, source: str, series: str) -> dict[str, Counted]:
        """What is kept; nothing where it cannot be opened any more."""
        key = layout.day_counts(source, series)
        with reaching_redis():
            sealed = await self._redis.get(key)
        return self._sealing.open(sealed, key) or {}

    async def keep(self, source: str, series: str, days: Mapping[str, Counted]) -> None:
        """Keep these days of a series, and no others."""
        key = layout.day_counts(source, series)
        with reaching_redis():
            await self._redis.set(key, self._sealing.seal(dict(days), key), ex=KEPT_SECONDS)
