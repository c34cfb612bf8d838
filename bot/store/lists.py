"""Cursors of paginated lists: filters and page positions, stored for a day."""

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
    """Return a new id: short enough for a button, and impossible to guess."""
    return secrets.token_urlsafe(12)


# A script takes redis-py two thirds of the time of a pipeline with these commands.
SAVE_CURSOR = """
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', ARGV[1])
redis.call('ZADD', KEYS[2], ARGV[1] + ARGV[2], ARGV[3])
redis.call('EXPIRE', KEYS[2], ARGV[2])
redis.call('SET', KEYS[1], ARGV[4], 'EX', ARGV[2])
"""


class ListStore:
    """Cursors in Redis. Every method raises StoreUnavailable if Redis doesn't answer."""

    def __init__(self, redis: Commands, clock: Callable[[], float]) -> None:
        self._redis, self._clock = redis, clock
        self._save = redis.register_script(SAVE_CURSOR)

    async def save(self, cursor: ListCursor) -> None:
        """Store a cursor for a day, and add it to the index of its tenant."""
        key = redis_keys.cursor(cursor.caller, cursor.id)
        index = redis_keys.cursors(cursor.caller, cursor.tenant)
        record = CURSOR_SERIALIZER.write(cursor)
        with translate_redis_errors():
            await self._save(
                keys=[key, index], args=[self._clock(), LIST_TTL_SECONDS, cursor.id, record]
            )

    async def load(self, caller: Caller, cursor_id: str, *, owner: str = "") -> ListCursor | None:
        """Load a user's cursor; None if it has expired or can't be read.

        To load a shared cursor of another user in the workspace, pass that user's id as `owner`.
        """
        asked_by = replace(caller, user_id=owner or caller.user_id)
        with translate_redis_errors():
            record = await self._redis.get(redis_keys.cursor(asked_by, cursor_id))
        return read_cursor(cursor_id, asked_by, record, caller)


def read_cursor(
    cursor_id: str, owner: Caller, record: str | None, caller: Caller
) -> ListCursor | None:
    """Parse a stored cursor of `owner`; None if it is missing, invalid or not accessible.

    An invalid cursor is logged. `caller` may use another user's cursor only if it is shared.
    """
    try:
        cursor = CURSOR_SERIALIZER.read(record, id=cursor_id, caller=owner) if record else None
    except InvalidRecord as error:
        logger.warning("could not read a stored cursor: %s", error)
        return None
    return cursor if cursor and (cursor.shared or owner == caller) else None
