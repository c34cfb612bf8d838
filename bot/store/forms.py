"""State of open forms that they cannot carry themselves, encrypted and stored for an hour."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from bot.domain.accounts import Caller
from bot.domain.records import Serializer
from bot.errors import OutdatedButton
from bot.store import keys as redis_keys
from bot.store.connection import Commands, translate_redis_errors
from bot.store.encryption import Cipher, EncryptedRecords

FORM_TTL_SECONDS = 60 * 60  # a response_url lives half of that


FORM_SERIALIZER = Serializer(dict[str, Any])


class FormStore:
    """Facts behind forms, each its user's own. Both methods raise StoreUnavailable.

    A response_url is a capability, and a message is what somebody wrote: neither lies open.
    """

    def __init__(self, redis: Commands, cipher: Cipher, new_id: Callable[[], str]) -> None:
        self._redis, self._new_id = redis, new_id
        self._records = EncryptedRecords(cipher, "form", FORM_SERIALIZER)

    async def save(self, caller: Caller, facts: Mapping[str, Any]) -> str:
        """Keep what JSON can hold; gives the id that leads back to it."""
        form_id = self._new_id()
        key = redis_keys.form(caller, form_id)
        sealed = self._records.seal(dict(facts), key)
        with translate_redis_errors():
            await self._redis.set(key, sealed, ex=FORM_TTL_SECONDS)
        return form_id

    async def load(self, caller: Caller, form_id: str) -> dict[str, Any]:
        """What was kept; raises OutdatedButton where it is gone, or cannot be opened any more."""
        key = redis_keys.form(caller, form_id)
        with translate_redis_errors():
            sealed = await self._redis.get(key)
        facts = self._records.open(sealed, key)
        if facts is None:
            raise OutdatedButton
        return facts
