"""Deletes and shares: one at a time, once, and remembered for a day."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Literal

from bot.errors import StoreUnavailable
from bot.models import Caller, Stored
from bot.store import layout
from bot.store.connection import Commands, reaching_redis
from bot.store.locks import Locks, new_holder
from bot.store.serialization import Serializer, Unreadable

logger = logging.getLogger(__name__)

KEPT_SECONDS = 24 * 60 * 60
HELD_SECONDS = 3.0
WAIT_SECONDS = 8.0
CLAIM_SECONDS = 20.0

DONE = "done"
Step = Literal["new", "busy", "done"]
"""What to do about something that must happen once: do it, wait for another process, or nothing."""


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
        self._redis, self._locks = redis, Locks(redis)

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

    def turn(self, caller: Caller, name: str) -> AbstractAsyncContextManager[bool]:
        """Wait until no other process of the workspace does `name`; after 8 s go on all the same.

        The block is given whether the turn was had.
        """
        return self._locks.held(layout.turn(caller, name), HELD_SECONDS, WAIT_SECONDS)

    @asynccontextmanager
    async def once(self, caller: Caller, name: str) -> AsyncIterator[Step]:
        """`new` for the one who is to do `name`; `busy` while they do it, `done` for a day after.

        A failure leaves it to the next, and so does a process that was killed, after 20 s.
        """
        key, holder = layout.done(caller, name), new_holder()
        if found := await self._locks.take(key, holder, CLAIM_SECONDS):
            yield "done" if found == DONE else "busy"
            return
        try:
            async with self._locks.renewed(key, holder, CLAIM_SECONDS):
                yield "new"
        except BaseException:
            with suppress(StoreUnavailable):  # it ends by itself
                await self._locks.release(key, holder)
            raise
        await self._settle(key)

    async def _settle(self, key: str) -> None:
        """It is done, whatever becomes of the memory of it."""
        try:
            with reaching_redis():
                await self._redis.set(key, DONE, ex=KEPT_SECONDS)
        except StoreUnavailable as error:
            logger.warning("what was done once is not remembered: %s", error)


def _read(record: str | None) -> DeletedJob | None:
    try:
        return DELETED_JOB.read(record) if record else None
    except Unreadable as error:
        logger.warning("a stored delete cannot be read: %s", error)
        return None
