"""Whether Redis does its work: it is asked to write, as a Redis that only answers is of no use."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from bot.errors import StoreUnavailable
from bot.store import layout
from bot.store.connection import Commands, reaching_redis

KEPT_SECONDS = 1.0
"""However often the answer is asked for, Redis is asked once in this time."""


class Probe:
    """One for a process."""

    def __init__(self, redis: Commands, clock: Callable[[], float] = time.monotonic) -> None:
        self._redis, self._clock = redis, clock
        self._asking = asyncio.Lock()
        self._asked_at, self._trouble = float("-inf"), ""

    async def ping(self) -> None:
        """Raises StoreUnavailable with the kind of trouble: OOM, READONLY, TimeoutError, …"""
        async with self._asking:
            if self._clock() - self._asked_at >= KEPT_SECONDS:
                self._trouble = await self._ask()
                self._asked_at = self._clock()
        if self._trouble:
            raise StoreUnavailable(self._trouble)

    async def _ask(self) -> str:
        try:
            with reaching_redis():
                await self._redis.set(layout.probe(), "1", px=1000)
        except StoreUnavailable as error:
            return str(error)
        return ""
