"""State that is too large for a button or modal: cursors of lists for a day, forms for an hour."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from bot.domain.accounts import Caller
from bot.domain.lists import ListCursor
from bot.domain.records import InvalidRecord, Serializer
from bot.errors import OutdatedButton
from bot.store import keys as redis_keys
from bot.store.connection import Commands, translate_redis_errors
from bot.store.encryption import Cipher, EncryptedRecords
from bot.store.watches import watch_field

logger = logging.getLogger(__name__)

LIST_TTL_SECONDS = 24 * 60 * 60
FORM_TTL_SECONDS = 60 * 60  # twice the lifetime of a response_url

CURSOR_SERIALIZER = Serializer(ListCursor, "id", "caller", omit_defaults=True)

FORM_SERIALIZER = Serializer(dict[str, Any])


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


class FormStore:
    """State of a user's open modals. Every method raises StoreUnavailable if Redis doesn't answer.

    It is encrypted because it may contain a message, or a response_url with which anyone can post.
    """

    def __init__(self, redis: Commands, cipher: Cipher, new_id: Callable[[], str]) -> None:
        self._redis, self._new_id = redis, new_id
        self._records = EncryptedRecords(cipher, "form", FORM_SERIALIZER)

    async def save(self, caller: Caller, facts: Mapping[str, Any]) -> str:
        """Store facts that can be encoded as JSON; return the id for loading them."""
        form_id, _ = await self.save_and_check_watch(caller, facts, "", "")
        return form_id

    async def save_and_check_watch(
        self, caller: Caller, facts: Mapping[str, Any], tenant: str, job_id: str
    ) -> tuple[str, bool]:
        """Like `save`, but also return whether the user watches a job, in the same round trip."""
        form_id = self._new_id()
        key = redis_keys.form(caller, form_id)
        encrypted = self._records.encrypt(dict(facts), key)
        with translate_redis_errors():
            async with self._redis.pipeline(transaction=False) as pipe:
                pipe.set(key, encrypted, ex=FORM_TTL_SECONDS)
                pipe.hexists(redis_keys.watches(caller), watch_field(tenant, job_id))
                _, is_watched = await pipe.execute()
        return form_id, bool(is_watched)

    async def load(self, caller: Caller, form_id: str) -> dict[str, Any]:
        """Load stored facts; raises OutdatedButton if they have expired or can't be decrypted."""
        key = redis_keys.form(caller, form_id)
        with translate_redis_errors():
            encrypted = await self._redis.get(key)
        facts = self._records.decrypt(encrypted, key)
        if facts is None:
            raise OutdatedButton
        return facts

    async def take(self, caller: Caller, form_id: str) -> dict[str, Any] | None:
        """Load and delete stored facts; None if they are gone or can't be decrypted.

        Only the first caller gets them.
        """
        key = redis_keys.form(caller, form_id)
        with translate_redis_errors():
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.get(key)
                pipe.delete(key)
                encrypted, _ = await pipe.execute()
        return self._records.decrypt(encrypted, key)
