"""Lists whose pages can be turned: what was asked, kept for a day."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable
from dataclasses import replace

from bot.domain.accounts import Caller
from bot.domain.lists import ListCursor
from bot.domain.records import InvalidRecord, Serializer
from bot.store import keys as redis_keys
from bot.store.connection import Commands, translate_redis_errors

logger = logging.getLogger(__name__)

LIST_TTL_SECONDS = 24 * 60 * 60


CURSOR_SERIALIZER = Serializer(ListCursor, "id", "caller", omit_defaults=True)


def new_cursor_id() -> str:
    """Short enough for a button, and nothing that anybody guesses."""
    return secrets.token_urlsafe(12)


class ListStore:
    """Cursors in Redis. Every method raises StoreUnavailable where Redis does not answer."""

    def __init__(self, redis: Commands, clock: Callable[[], float]) -> None:
        self._redis, self._clock = redis, clock

    async def save(self, cursor: ListCursor) -> None:
        """Keep a cursor for a day, and let its tenant know of it."""
        now = self._clock()
        index = redis_keys.cursors(cursor.caller, cursor.tenant)
        with translate_redis_errors():
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.set(
                    redis_keys.cursor(cursor.caller, cursor.id),
                    CURSOR_SERIALIZER.write(cursor),
                    ex=LIST_TTL_SECONDS,
                )
                pipe.zremrangebyscore(index, "-inf", now)
                pipe.zadd(index, {cursor.id: now + LIST_TTL_SECONDS})
                pipe.expire(index, LIST_TTL_SECONDS)
                await pipe.execute()

    async def load(self, caller: Caller, cursor_id: str, *, owner: str = "") -> ListCursor | None:
        """The user's own cursor of that id; None if it expired or can't be read.

        `owner` is the id of another user of the same workspace, whose cursor opens if it is shared.
        """
        asked_by = replace(caller, user_id=owner or caller.user_id)
        with translate_redis_errors():
            record = await self._redis.get(redis_keys.cursor(asked_by, cursor_id))
        cursor = read_cursor(cursor_id, asked_by, record)
        return cursor if cursor and (cursor.shared or asked_by == caller) else None


def read_cursor(cursor_id: str, caller: Caller, record: str | None) -> ListCursor | None:
    """The cursor in a record; None if there is none, or if it can't be read, which is logged."""
    try:
        return CURSOR_SERIALIZER.read(record, id=cursor_id, caller=caller) if record else None
    except InvalidRecord as error:
        logger.warning("a stored cursor cannot be read: %s", error)
        return None
