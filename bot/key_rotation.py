"""`emporix-bot keys rotate`: re-encrypts everything with the first key."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from bot.errors import StoreUnavailable
from bot.resources import vault
from bot.settings import Settings
from bot.store import keys as redis_keys
from bot.store.connection import Commands, connect, translate_redis_errors
from bot.store.encryption import (
    HASH,
    PATTERNS,
    TEXT,
    Canary,
    Cipher,
    DecryptionError,
    aad,
    is_account,
    may_hold_sealed,
    sealed_texts,
)

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


class EncryptedText(NamedTuple):
    """A sealed text and where it stands: a field of a hash, or a string, whose field is ""."""

    key: str
    field: str
    text: str


@dataclass(slots=True)
class RotationTally:
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


class KeyRotation:
    """Goes once through all that is sealed; it can be broken off and begun again at any time.

    What is sealed with the first key is passed over, so a second run costs only the reading. Raises
    StoreUnavailable where Redis does not answer.
    """

    def __init__(
        self,
        redis: Commands,
        vault: Cipher,
        *,
        per_second: float = PER_SECOND,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._redis, self._vault = redis, vault
        self._pause, self._sleep = BATCH / per_second, sleep
        self._replace_if_unchanged = redis.register_script(REPLACE_IF_UNCHANGED)

    async def run(self) -> AsyncIterator[RotationTally]:
        """Seal anew what needs it; gives the tally so far after each batch, and at the end.

        The canary of `bot.store.encryption` is sealed with the first key too, and not counted.
        """
        tally = RotationTally()
        with translate_redis_errors():
            await self._seal([redis_keys.canary()], TEXT, RotationTally())
        async for keys, kind in self._batches():
            with translate_redis_errors():
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
                with translate_redis_errors():
                    cursor, keys = await self._redis.scan(
                        max(cursor, 0), match=pattern, count=BATCH, _type=kind
                    )
                yield [key for key in keys if may_hold_sealed(key)], kind

    async def _seal(self, keys: list[str], kind: str, tally: RotationTally) -> None:
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

    async def _read(self, keys: list[str], kind: str) -> list[EncryptedText]:
        async with self._redis.pipeline(transaction=False) as pipe:
            for key in keys:
                _ = pipe.hgetall(key) if kind == HASH else pipe.get(key)
            values = await pipe.execute()
        return [
            EncryptedText(key, name, text)
            for key, value in zip(keys, values, strict=True)
            for name, text in sealed_texts(key, value).items()
        ]

    async def _write(
        self, found: list[EncryptedText], tally: RotationTally
    ) -> list[tuple[str, str]]:
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

    def _anew(self, one: EncryptedText, tally: RotationTally) -> str:
        """The secret, sealed with the first key; empty where it does not open."""
        where = aad(one.key, one.field)
        try:
            return self._vault.seal(self._vault.open(one.text, where), where)
        except DecryptionError:
            tally.unopenable[self._vault.key_id(one.text)] += 1
            return ""


TOLD_EVERY = 1000  # records


async def rotate(settings: Settings, tell: Callable[[str], object]) -> int:
    """Tell how far it is, and what came of it.

    The exit status is 1 where something is left, and 2 where the keys do not fit this Redis.
    """
    keys = vault(settings)
    canary = Canary(keys, create=False)
    redis = connect(settings.redis_url.get_secret_value(), canary)
    tally, told = RotationTally(), 0
    try:
        async for tally in KeyRotation(redis, keys).run():
            if tally.accounts + tally.others >= told + TOLD_EVERY:
                told = tally.accounts + tally.others
                tell(progress(tally))
    except StoreUnavailable as error:
        if canary.problem:
            tell(canary.problem)
            return 2
        tell(f"Redis does not answer ({error}). Run this again: what is done stays done.")
        return 1
    finally:
        await redis.aclose()
    tell(progress(tally))
    tell(advice(tally))
    return 0 if tally.is_complete else 1


def progress(tally: RotationTally) -> str:
    """One line of what has been done."""
    return (
        f"{tally.accounts:,} accounts and {tally.others:,} other records: "
        f"{tally.sealed_anew:,} secrets sealed anew, "
        f"{tally.already_fine:,} were fine, {tally.unopenable.total():,} cannot be opened"
    )


def advice(tally: RotationTally) -> str:
    """What to do next."""
    if tally.is_complete:
        return "All are sealed with the first key; the others can leave ENCRYPTION_KEYS."
    lines = []
    if tally.changed:
        lines.append(f"{tally.changed:,} were changed by the bot meanwhile: run this again.")
    for key_id, count in sorted(tally.unopenable.items()):
        lines.append(
            f"{count:,} sealed with key {key_id!r} cannot be opened. Is it missing? Add it at the "
            "end of ENCRYPTION_KEYS, and run this again. Is it lost, or is it there? Then these "
            "people must connect anew, and set up their digests and alerts again."
        )
    return "\n".join(lines)
