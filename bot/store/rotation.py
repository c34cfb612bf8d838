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
from bot.store.records import is_sealed, place
from bot.store.vault import Unopenable, Vault

BATCH = 200
PER_SECOND = 2000
"""Accounts; a busy Redis serves many times as much, so people notice nothing."""

REPLACE_IF_UNCHANGED = """
if redis.call('HGET', KEYS[1], ARGV[1]) == ARGV[2] then
    redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
    return 1
end
return 0
"""


class Sealed(NamedTuple):
    """A sealed text and where it stands: a field of an account's hash."""

    account: str
    name: str
    text: str


@dataclass(slots=True)
class Tally:
    """How many accounts were looked at, and what became of the secrets in them.

    `changed` were written or deleted by the bot in the meantime; `unopenable` counts, by the id of
    the key they were sealed with, those that no configured key opens.
    """

    accounts: int = 0
    sealed_anew: int = 0
    already_fine: int = 0
    changed: int = 0
    unopenable: Counter[str] = field(default_factory=Counter)

    @property
    def is_complete(self) -> bool:
        """Whether all that was there when the rotation began is sealed with the first key."""
        return not self.changed and not self.unopenable


class Rotation:
    """Goes through all accounts once; it can be broken off and begun again at any time.

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
        """Seal anew what needs it; gives the tally so far after each batch, and at the end."""
        tally, cursor = Tally(), -1
        while cursor != 0:
            with reaching_redis():
                cursor, accounts = await self._redis.scan(
                    max(cursor, 0), match=layout.ALL_ACCOUNTS, count=BATCH, _type="hash"
                )
                await self._seal(accounts, tally)
            yield tally
            if cursor:
                await self._sleep(self._pause)

    async def _seal(self, accounts: list[str], tally: Tally) -> None:
        """Secrets that the bot writes while we look are looked at once more."""
        tally.accounts += len(accounts)
        changed = await self._write(await self._read(accounts), tally)
        if changed:
            again = set(changed)
            found = await self._read(sorted({account for account, _ in again}))
            left = await self._write([s for s in found if (s.account, s.name) in again], tally)
            tally.changed += len(left)

    async def _read(self, accounts: list[str]) -> list[Sealed]:
        async with self._redis.pipeline(transaction=False) as pipe:
            for account in accounts:
                pipe.hgetall(account)
            records = await pipe.execute()
        return [
            Sealed(account, name, text)
            for account, record in zip(accounts, records, strict=True)
            for name, text in record.items()
            if is_sealed(name)
        ]

    async def _write(self, found: list[Sealed], tally: Tally) -> list[tuple[str, str]]:
        """The places of those that somebody else has changed since they were read."""
        old = [one for one in found if not self._vault.is_current(one.text)]
        tally.already_fine += len(found) - len(old)
        anew = [(one, text) for one in old if (text := self._anew(one, tally))]
        async with self._redis.pipeline(transaction=False) as pipe:
            for one, text in anew:
                await self._replace_if_unchanged(
                    keys=[one.account], args=[one.name, one.text, text], client=pipe
                )
            written = await pipe.execute()
        tally.sealed_anew += sum(written)
        pairs = zip(anew, written, strict=True)
        return [(one.account, one.name) for (one, _), done in pairs if not done]

    def _anew(self, one: Sealed, tally: Tally) -> str:
        """The secret, sealed with the first key; empty where it does not open."""
        where = place(one.account, one.name)
        try:
            return self._vault.seal(self._vault.open(one.text, where), where)
        except Unopenable:
            tally.unopenable[self._vault.key_id(one.text)] += 1
            return ""
