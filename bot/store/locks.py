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

# Returns the value set by another holder, or "" if the key was acquired. Acquiring a key twice is
# harmless, so the client may repeat a call if the reply was lost.
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
    """Return a random id for the holder of a lock."""
    return secrets.token_hex(8)


class Locks:
    """Locks that expire. Methods raise StoreUnavailable if Redis doesn't answer.

    Durations are in seconds.
    """

    def __init__(
        self, redis: Commands, sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
    ) -> None:
        self._sleep = sleep
        self._acquire = redis.register_script(ACQUIRE_LOCK)
        self._release = redis.register_script(RELEASE_LOCK)

    async def acquire(self, key: str, holder: str, seconds: float) -> str:
        """Acquire or renew a key; return "" on success, else the value set by another holder."""
        with translate_redis_errors():
            return str(await self._acquire(keys=[key], args=[holder, int(seconds * 1000)]))

    async def release(self, key: str, holder: str) -> None:
        """Release a key if `holder` still holds it."""
        with translate_redis_errors():
            await self._release(keys=[key], args=[holder])

    @asynccontextmanager
    async def lock(self, key: str, seconds: float, wait: float) -> AsyncIterator[bool]:
        """Hold a lock during the block; yield False if it wasn't acquired within `wait` seconds."""
        holder, ends = new_holder(), time.monotonic() + wait
        while not (taken := not await self.acquire(key, holder, seconds)):
            if time.monotonic() >= ends:
                break
            await self._sleep(LOCK_POLL_SECONDS)
        if not taken:
            logger.warning("a lock was not acquired within %.0f s: continuing without it", wait)
            yield False
            return
        try:
            async with self.keep_renewed(key, holder, seconds):
                yield True
        finally:
            with suppress(StoreUnavailable):  # the lock expires by itself
                await self.release(key, holder)

    @asynccontextmanager
    async def keep_renewed(self, key: str, holder: str, seconds: float) -> AsyncIterator[None]:
        """Keep renewing an acquired key during the block, however long the block takes."""
        is_over = asyncio.Event()
        renewing = asyncio.create_task(self._renew(key, holder, seconds, is_over))
        try:
            yield
        finally:
            is_over.set()  # redis-py may swallow the cancellation while it reads a reply
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
    """Leases for periodic tasks. Every method raises StoreUnavailable if Redis doesn't answer."""

    def __init__(self, redis: Commands) -> None:
        self._redis = redis

    async def acquire(self, name: str, seconds: float) -> bool:
        """Acquire a lease; if True, no other worker can acquire it for `seconds`."""
        with translate_redis_errors():
            taken = await self._redis.set(
                redis_keys.lease(name), "1", nx=True, px=round(seconds * 1000)
            )
        return bool(taken)

    async def extend(self, name: str, seconds: float) -> None:
        """Extend a lease after its task has succeeded, so that no worker repeats it for `seconds`.

        First acquire the lease for a short time: if the task fails, another worker can retry soon.
        """
        with translate_redis_errors():
            await self._redis.set(redis_keys.lease(name), "1", px=round(seconds * 1000))
