"""What an open form must remember and cannot carry itself: sealed, and for an hour."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from bot.errors import OutdatedButton
from bot.models import Caller
from bot.store import layout
from bot.store.connection import Commands, reaching_redis
from bot.store.vault import Unopenable, Vault

KEPT_SECONDS = 60 * 60  # a response_url lives half of that


class FormStore:
    """Facts behind forms, each its user's own. Both methods raise StoreUnavailable.

    A response_url is a capability, and a message is what somebody wrote: neither lies open.
    """

    def __init__(self, redis: Commands, vault: Vault, new_id: Callable[[], str]) -> None:
        self._redis, self._vault, self._new_id = redis, vault, new_id

    async def keep(self, caller: Caller, facts: Mapping[str, Any]) -> str:
        """Keep what JSON can hold; gives the id that leads back to it."""
        form_id = self._new_id()
        key = layout.form(caller, form_id)
        sealed = self._vault.seal(json.dumps(facts), key)
        with reaching_redis():
            await self._redis.set(key, sealed, ex=KEPT_SECONDS)
        return form_id

    async def load(self, caller: Caller, form_id: str) -> dict[str, Any]:
        """What was kept; raises OutdatedButton where it is gone, or cannot be opened any more."""
        key = layout.form(caller, form_id)
        with reaching_redis():
            sealed = await self._redis.get(key)
        try:
            facts: dict[str, Any] = json.loads(self._vault.open(sealed or "", key))
        except Unopenable as error:
            raise OutdatedButton from error
        return facts
