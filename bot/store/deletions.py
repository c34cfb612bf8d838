"""What people do to messages that a channel sees: in turn, and remembered for a day."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from redis.exceptions import RedisError

from bot.models import Caller, Stored
from bot.store import layout
from bot.store.connection import Commands, reaching_redis
from bot.store.serialization import Serializer, Unreadable

logger = logging.getLogger(__name__)

KEPT_SECONDS = 24 * 60 * 60
HELD_SECONDS = 20.0  # a dead holder's lock ends then
WAIT_SECONDS = 15.0
LOOK_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class DeletedJob(Stored):
    """`user_id` deleted it; empty where it was gone before. `at` is in seconds since 1970."""

    tenant: str
    job_id: str
    user_id: str
    at: float


DELETED_JOB = Serializer(DeletedJob)


class Deletions:
    """Deletes in channels. Every method raises StoreUnavailable where Redis does not answer."""

    def __init__(self, redis: Commands) -> None:
        self._redis = redis

    async def keep(self, caller: Caller, deleted: DeletedJob) -> DeletedJob:
        """Remember a delete; gives the one that counts: that of whoever really deleted the job."""
        key = layout.deletion(caller, deleted.tenant, deleted.job_id)
        came_late = not deleted.user_id
        with reaching_redis():
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.set(key, DELETED_JOB.write(deleted), nx=came_late, ex=KEPT_SECONDS)
                pipe.get(key)
                _, record = await pipe.execute()
        return _read(record) or deleted

    async def known(
        self, caller: Caller, jobs: Sequence[tuple[str, str]]
    ) -> dict[tuple[str, str], DeletedJob]:
        """Which of these jobs (tenant and id) are remembered as deleted in the workspace."""
        keys = [layout.deletion(caller, tenant, job_id) for tenant, job_id in jobs]
        with reaching_redis():
            records = await self._redis.mget(keys) if keys else []
        found = filter(None, map(_read, records))
        return {(deleted.tenant, deleted.job_id): deleted for deleted in found}

    @asynccontextmanager
    async def turn(self, caller: Caller, name: str) -> AsyncIterator[None]:
        """Wait until nobody else of the workspace does `name`; whoever waits too long goes on."""
        lock = self._redis.lock(
            layout.turn(caller, name),
            timeout=HELD_SECONDS,
            blocking_timeout=WAIT_SECONDS,
            sleep=LOOK_SECONDS,
        )
        with reaching_redis():
            await lock.acquire()
        try:
            yield
        finally:
            with suppress(RedisError):  # it ends by itself
                await lock.release()

    @asynccontextmanager
    async def once(self, caller: Caller, name: str) -> AsyncIterator[bool]:
        """True for the first that does `name`; who fails leaves it to the next."""
        key = layout.done(caller, name)
        with reaching_redis():
            first = bool(await self._redis.set(key, "1", nx=True, ex=KEPT_SECONDS))
        try:
            yield first
        except BaseException:
            if first:
                with suppress(RedisError):
                    await self._redis.delete(key)
            raise


def _read(record: str | None) -> DeletedJob | None:
    try:
        return DELETED_JOB.read(record) if record else None
    except Unreadable as error:
        logger.warning("a stored delete cannot be read: %s", error)
        return None
