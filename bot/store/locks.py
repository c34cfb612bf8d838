"""Locks and leases in Redis."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from bot.errors import StoreUnavailable
from bot.store import keys as redis_keys
from bot.store.connection import Commands, translate_redis_errors

logger = logging.getLogger(__name__)

LOCK_POLL_SECONDS = 0.05

# Gives what stands in the way, "" where the key is the holder's now. Taking it twice is harmless,
# so a client may repeat a call whose reply was lost.
ACQUIRE_LOCK = """
local found = redis.call('GET', KEYS[1])
if found and found ~= ARGV[1] then return found end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return ''
"""

RELEASE_LOCK = """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
"""


def new_holder() -> str:
    """A name for one holder of one lock."""
    return secrets.token_hex(8)


class Locks:
    """Every method raises StoreUnavailable where Redis does not answer. Times are in seconds."""

    def __init__(
        self, redis: Commands, sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
    ) -> None:
        self._sleep = sleep
        self._acquire = redis.register_script(ACQUIRE_LOCK)
        self._release = redis.register_script(RELEASE_LOCK)

    async def acquire(self, key: str, holder: str, seconds: float) -> str:
        """Take the key, or renew it; gives the value that another holder has set, "" if taken."""
        with translate_redis_errors():
            return str(await self._acquire(keys=[key], args=[holder, int(seconds * 1000)]))

    async def release(self, key: str, holder: str) -> None:
        """Give the key back, if it is still this holder's."""
        with translate_redis_errors():
            await self._release(keys=[key], args=[holder])

    @asynccontextmanager
    async def lock(self, key: str, seconds: float, wait: float) -> AsyncIterator[bool]:
        """Hold a lock for the block; False where it could not be had within `wait`."""
        holder, ends = new_holder(), time.monotonic() + wait
        while not (taken := not await self.acquire(key, holder, seconds)):
            if time.monotonic() >= ends:
                break
            await self._sleep(LOCK_POLL_SECONDS)
        if not taken:
            logger.warning("a lock was not free within %.0f s: going on without it", wait)
            yield False
            return
        try:
            async with self.keep_renewed(key, holder, seconds):
                yield True
        finally:
            with suppress(StoreUnavailable):  # it ends by itself
                await self.release(key, holder)

    @asynccontextmanager
    async def keep_renewed(self, key: str, holder: str, seconds: float) -> AsyncIterator[None]:
        """Keep a key that was taken alive for the block, however long that takes."""
        is_over = asyncio.Event()
        renewing = asyncio.create_task(self._renew(key, holder, seconds, is_over))
        try:
            yield
        finally:
            is_over.set()  # a client that reads an answer may swallow the cancellation
            renewing.cancel()
            with suppress(asyncio.CancelledError):
                await renewing

    async def _renew(self, key: str, holder: str, seconds: float, is_over: asyncio.Event) -> None:
        while not is_over.is_set():
            await self._sleep(seconds / 3)
            try:
                if await self.acquire(key, holder, seconds):
                    logger.warning("a lock was lost to another process: it was not renewed in time")
                    return
            except StoreUnavailable as error:
                logger.warning("a lock could not be renewed: %s", error)


class WorkerLeases:
    """Raises StoreUnavailable where Redis does not answer."""

    def __init__(self, redis: Commands) -> None:
        self._redis = redis

    async def acquire(self, name: str, seconds: float) -> bool:
        """Whether this worker does the work of that name; no other does within `seconds`."""
        with translate_redis_errors():
            taken = await self._redis.set(
                redis_keys.lease(name), "1", nx=True, px=round(seconds * 1000)
            )
        return bool(taken)

    async def extend(self, name: str, seconds: float) -> None:
        """The work of that name is done, and is not due again within `seconds`.

        Who takes it for a short time and keeps it afterwards leaves it to others where it fails.
        """
        with translate_redis_errors():
            await self._redis.set(redis_keys.lease(name), "1", px=round(seconds * 1000))
