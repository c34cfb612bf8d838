"""What is known for people's Home tabs: the figures of their tenants, sealed, and for an hour."""

from __future__ import annotations

from collections.abc import Iterable

from bot.domain.accounts import Caller
from bot.domain.jobs import TenantStats
from bot.store import keys as redis_keys
from bot.store.connection import Commands, translate_redis_errors
from bot.store.encryption import CONNECTION, Cipher, EncryptedRecords
from bot.store.serialization import Serializer

KEPT_SECONDS = 60 * 60
OPENED_SECONDS = 30 * 24 * 60 * 60
"""So long Slack may show what was published, and it is kept up to date."""

FIGURES, OPENED = "figures", "opened"
"""The two keys of a Home: figures by tenant, and that there is one to be kept up to date."""

# A tenant that was disconnected while Emporix was asked leaves nothing behind.
KEEP = """
for place = 2, #ARGV, 3 do
  if redis.call('HEXISTS', KEYS[1], ARGV[place]) == 1 then
    redis.call('HSET', KEYS[2], ARGV[place + 1], ARGV[place + 2])
  end
end
redis.call('EXPIRE', KEYS[2], ARGV[1])
"""


FIGURES_OF_TENANT = Serializer(TenantStats)


class HomeStore:
    """Figures in Redis, each user's own. Every method raises StoreUnavailable."""

    def __init__(self, redis: Commands, vault: Cipher) -> None:
        self._redis = redis
        self._sealing = EncryptedRecords(vault, "figure of a Home tab", FIGURES_OF_TENANT)
        self._keep = redis.register_script(KEEP)

    async def load(self, caller: Caller) -> dict[str, TenantStats]:
        """By tenant; what is gone or cannot be opened is left out."""
        key = redis_keys.home(caller, FIGURES)
        with translate_redis_errors():
            fields: dict[str, str] = await self._redis.hgetall(key)
        found = (self._sealing.open(text, key, name) for name, text in fields.items())
        return {figures.tenant: figures for figures in found if figures}

    async def keep(self, caller: Caller, figures: Iterable[TenantStats]) -> None:
        """Those of tenants to which the user is still connected."""
        key = redis_keys.home(caller, FIGURES)
        args: list[str | int] = [KEPT_SECONDS]
        for one in figures:
            name = one.tenant
            sealed = self._sealing.seal(one, key, name)
            args += [CONNECTION + one.tenant, name, sealed]
        with translate_redis_errors():
            await self._keep(keys=[redis_keys.account(caller), key], args=args)

    async def forget(self, caller: Caller, tenants: Iterable[str]) -> None:
        """Something has changed there: whoever looks next asks anew."""
        if names := list(tenants):
            with translate_redis_errors():
                await self._redis.hdel(redis_keys.home(caller, FIGURES), *names)

    async def opened(self, caller: Caller) -> None:
        """There is a Home that shows what the app knows."""
        with translate_redis_errors():
            await self._redis.set(redis_keys.home(caller, OPENED), "1", ex=OPENED_SECONDS)

    async def is_open(self, caller: Caller) -> bool:
        """Whether it was opened within the last month."""
        with translate_redis_errors():
            return bool(await self._redis.get(redis_keys.home(caller, OPENED)))
