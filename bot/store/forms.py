"""State of open modals that is too large for the modal, encrypted and stored for an hour."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from bot.domain.accounts import Caller
from bot.domain.records import Serializer
from bot.errors import OutdatedButton
from bot.store import keys as redis_keys
from bot.store.connection import Commands, translate_redis_errors
from bot.store.encryption import Cipher, EncryptedRecords
from bot.store.watches import watch_field

FORM_TTL_SECONDS = 60 * 60  # twice the lifetime of a response_url


FORM_SERIALIZER = Serializer(dict[str, Any])


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
