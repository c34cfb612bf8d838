"""What is read once for all who ask for the same at about the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable, Sequence
from typing import Any, Generic, TypeVar

from cachetools import TLRUCache

Found = TypeVar("Found")

KEPT_SECONDS = 5 * 60.0
MOST_KEPT = 300


class Readings(Generic[Found]):
    """Readings under way or lately done, by what they are of; one that failed is not kept."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._kept: TLRUCache[Hashable, asyncio.Task[Found]] = TLRUCache(
            MOST_KEPT, lambda _, __, now: now + KEPT_SECONDS, clock
        )

    async def of(self, key: Hashable, read: Callable[[], Coroutine[Any, Any, Found]]) -> Found:
        """What `read` gives, or gave a moment ago; raises what it raises."""
        reading = self._kept.get(key)
        if reading is None or _has_failed(reading):
            reading = self._kept[key] = asyncio.create_task(read())
        return await asyncio.shield(reading)

    async def close(self) -> None:
        """Give up what is on its way."""
        await give_up(list(self._kept.values()))


async def give_up(tasks: Sequence[asyncio.Task[Any]]) -> None:
    """Nobody waits for these any more: none is left behind."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _has_failed(reading: asyncio.Task[Any]) -> bool:
    return reading.done() and (reading.cancelled() or reading.exception() is not None)
