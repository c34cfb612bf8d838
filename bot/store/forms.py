"""What an open form must remember and cannot carry itself: sealed, and for an hour."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from bot.errors import OutdatedButton
from bot.models import Caller
from bot.store import layout
from bot.store.connection import Commands, reaching_redis
from bot.store.sealing import Sealing
from bot.store.serialization import Serializer
from bot.store.vault import Vault

KEPT_SECONDS = 60 * 60  # a response_url lives half of that


FORM = Serializer(dict[str, Any])


class FormStore:
    """Facts behind forms, each its user's own. Both methods raise StoreUnavailable.

    A response_url is a capability, and a message is what somebody wrote: neither lies open.
    """

    def __init__(self, redis: Commands, vault: Vault, new_id: Callable[[], str]) -> None:
        self._redis, self._new_id = redis, new_id
        self._sealing = Sealing(vault, "form", FORM)

    async def keep(self, caller: Caller, facts: Mapping[str, Any]) -> str:
        """Keep what JSON can hold; gives the id that leads back to it."""
        form_id = self._new_id()
        key = layout.form(caller, form_id)
        sealed = self._sealing.seal(dict(facts), key)
        with reaching_redis():
            await self._redis.set(key, sealed, ex=KEPT_SECONDS)
        return form_id

    async def load(self, caller: Caller, form_id: str) -> dict[str, Any]:
        """What was kept; raises OutdatedButton where it is gone, or cannot be opened any more."""
        key = layout.form(caller, form_id)
        with reaching_redis():
            sealed = await self._redis.get(key)
        facts = self._sealing.open(sealed, key)
        if facts is None:
            raise OutdatedButton
        return facts
