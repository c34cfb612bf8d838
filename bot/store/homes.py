"""What is known for people's Home tabs: the figures of their tenants, sealed, and for an hour."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bot.models import Caller, Stored
from bot.store import layout
from bot.store.connection import Commands, reaching_redis
from bot.store.records import CONNECTION
from bot.store.sealing import Sealing
from bot.store.serialization import Serializer
from bot.store.vault import Vault

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


@dataclass(frozen=True, slots=True)
class Glance(Stored):
    """As much of a job as a Home shows; `said` is the beginning of what its agent said."""

    id: str
    status: str
    type: str
    agent_id: str
    agent_name: str
    agent_type: str
    commerce_event: str
    created_at: str
    said: str


@dataclass(frozen=True, slots=True)
class Newest(Stored):
    """The newest jobs of a kind; how many there are in all, `total`, where Emporix said it."""

    jobs: tuple[Glance, ...]
    total: int | None
    has_more: bool


@dataclass(frozen=True, slots=True)
class Figures(Stored):
    """What there was to a tenant `at` a time, in seconds since 1970: 0 where that is not known.

    `asked_at` is when Emporix was asked last, and `trouble` the template of the error that came of
    it, "" where none did.
    """

    tenant: str
    asked_at: float
    at: float = 0
    failed: Newest | None = None
    running: Newest | None = None
    trouble: str = ""


FIGURES_OF_TENANT = Serializer(Figures)


class HomeStore:
    """Figures in Redis, each user's own. Every method raises StoreUnavailable."""

    def __init__(self, redis: Commands, vault: Vault) -> None:
        self._redis = redis
        self._sealing = Sealing(vault, "figure of a Home tab", FIGURES_OF_TENANT)
        self._keep = redis.register_script(KEEP)

    async def load(self, caller: Caller) -> dict[str, Figures]:
        """By tenant; what is gone or cannot be opened is left out."""
        key = layout.home(caller, FIGURES)
        with reaching_redis():
            fields: dict[str, str] = await self._redis.hgetall(key)
        found = (self._sealing.open(text, key, name) for name, text in fields.items())
        return {figures.tenant: figures for figures in found if figures}

    async def keep(self, caller: Caller, figures: Iterable[Figures]) -> None:
        """Those of tenants to which the user is still connected."""
        key = layout.home(caller, FIGURES)
        args: list[str | int] = [KEPT_SECONDS]
        for one in figures:
            name = one.tenant
            sealed = self._sealing.seal(one, key, name)
            args += [CONNECTION + one.tenant, name, sealed]
        with reaching_redis():
            await self._keep(keys=[layout.account(caller), key], args=args)

    async def forget(self, caller: Caller, tenants: Iterable[str]) -> None:
        """Something has changed there: whoever looks next asks anew."""
        if names := list(tenants):
            with reaching_redis():
                await self._redis.hdel(layout.home(caller, FIGURES), *names)

    async def opened(self, caller: Caller) -> None:
        """There is a Home that shows what the app knows."""
        with reaching_redis():
            await self._redis.set(layout.home(caller, OPENED), "1", ex=OPENED_SECONDS)

    async def is_open(self, caller: Caller) -> bool:
        """Whether it was opened within the last month."""
        with reaching_redis():
            return bool(await self._redis.get(layout.home(caller, OPENED)))
