"""New keys for old secrets: what is sealed with another key than the first is sealed anew.

The bot may run meanwhile. A field is written only where it is still what was read, so a token that
has just been refreshed is not overwritten, and a connection that has just been deleted not revived.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from bot.store import layout
from bot.store.connection import Commands, reaching_redis
from bot.store.sealed_places import HASH, PATTERNS, TEXT, is_account, may_hold_sealed, sealed_texts
from bot.store.vault import Unopenable, Vault, place

BATCH = 200
PER_SECOND = 2000
"""Keys; a busy Redis serves many times as much, so people notice nothing."""

# Without the name of a field, the key is a string.
REPLACE_IF_UNCHANGED = """
if ARGV[1] == '' then
    if redis.call('GET', KEYS[1]) ~= ARGV[2] then return 0 end
    redis.call('SET', KEYS[1], ARGV[3], 'KEEPTTL')
    return 1
end
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
return 1
"""


class Sealed(NamedTuple):
    """A sealed text and where it stands: a field of a hash, or a string, whose field is ""."""

    key: str
    field: str
    text: str


@dataclass(slots=True)
class Tally:
    """How many accounts and other records were looked at, and what became of the secrets in them.

    `changed` were written or deleted by the bot in the meantime; `unopenable` counts, by the id of
    the key they were sealed with, those that no configured key opens.
    """

    accounts: int = 0
    others: int = 0
    sealed_anew: int = 0
    already_fine: int = 0
    changed: int = 0
    unopenable: Counter[str] = field(default_factory=Counter)

    @property
    def is_complete(self) -> bool:
        """Whether all that was there when the rotation began is sealed with the first key."""
        return not self.changed and not self.unopenable


class Rotation:
    """Goes once through all that is sealed; it can be broken off and begun again at any time.

    What is sealed with the first key is passed over, so a second run costs only the reading. Raises
    StoreUnavailable where Redis does not answer.
    """

    def __init__(
        self,
        redis: Commands,
        vault: Vault,
        *,
        per_second: float = PER_SECOND,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._redis, self._vault = redis, vault
        self._pause, self._sleep = BATCH / per_second, sleep
        self._replace_if_unchanged = redis.register_script(REPLACE_IF_UNCHANGED)

    async def run(self) -> AsyncIterator[Tally]:
        """Seal anew what needs it; gives the tally so far after each batch, and at the end.

        The canary of `bot.store.canary` is sealed with the first key too, and not counted.
        """
        tally = Tally()
        with reaching_redis():
            await self._seal([layout.canary()], TEXT, Tally())
        async for keys, kind in self._batches():
            with reaching_redis():
                await self._seal(keys, kind, tally)
            yield tally

    async def _batches(self) -> AsyncIterator[tuple[list[str], str]]:
        """Keys of one type; between two batches it pauses."""
        begun = False
        for pattern, kind in PATTERNS:
            cursor = -1
            while cursor != 0:
                if begun:
                    await self._sleep(self._pause)
                begun = True
                with reaching_redis():
                    cursor, keys = await self._redis.scan(
                        max(cursor, 0), match=pattern, count=BATCH, _type=kind
                    )
                yield [key for key in keys if may_hold_sealed(key)], kind

    async def _seal(self, keys: list[str], kind: str, tally: Tally) -> None:
        """Secrets that the bot writes while we look are looked at once more."""
        accounts = sum(map(is_account, keys))
        tally.accounts += accounts
        tally.others += len(keys) - accounts
        found = await self._read(keys, kind)
        changed = set(await self._write(found, tally)) if found else set()
        if changed:
            found = await self._read(sorted({key for key, _ in changed}), kind)
            left = await self._write([s for s in found if (s.key, s.field) in changed], tally)
            tally.changed += len(left)

    async def _read(self, keys: list[str], kind: str) -> list[Sealed]:
        async with self._redis.pipeline(transaction=False) as pipe:
            for key in keys:
                _ = pipe.hgetall(key) if kind == HASH else pipe.get(key)
            values = await pipe.execute()
        return [
            Sealed(key, name, text)
            for key, value in zip(keys, values, strict=True)
            for name, text in sealed_texts(key, value).items()
        ]

    async def _write(self, found: list[Sealed], tally: Tally) -> list[tuple[str, str]]:
        """The places of those that somebody else has changed since they were read."""
        old = [one for one in found if not self._vault.is_current(one.text)]
        tally.already_fine += len(found) - len(old)
        anew = [(one, text) for one in old if (text := self._anew(one, tally))]
        async with self._redis.pipeline(transaction=False) as pipe:
            for one, text in anew:
                await self._replace_if_unchanged(
                    keys=[one.key], args=[one.field, one.text, text], client=pipe
                )
            written = await pipe.execute()
        tally.sealed_anew += sum(written)
        pairs = zip(anew, written, strict=True)
        return [(one.key, one.field) for (one, _), done in pairs if not done]

    def _anew(self, one: Sealed, tally: Tally) -> str:
        """The secret, sealed with the first key; empty where it does not open."""
        where = place(one.key, one.field)
        try:
            return self._vault.seal(self._vault.open(one.text, where), where)
        except Unopenable:
            tally.unopenable[self._vault.key_id(one.text)] += 1
            return ""
