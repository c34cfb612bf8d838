"""`emporix-bot keys rotate`: re-encrypts everything with the first key."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from bot.errors import StoreUnavailable
from bot.resources import build_cipher
from bot.settings import Settings
from bot.store import keys as redis_keys
from bot.store.connection import Commands, connect, translate_redis_errors
from bot.store.encryption import (
    ENCRYPTED_KEY_PATTERNS,
    HASH_TYPE,
    REPLACE_IF_UNCHANGED,
    STRING_TYPE,
    Canary,
    Cipher,
    DecryptionError,
    build_aad,
    encrypted_texts,
    is_account,
    may_hold_encrypted,
)

ROTATION_BATCH_SIZE = 200
KEYS_PER_SECOND = 2000
"""Well below the capacity of a busy Redis, so that users notice nothing."""


class EncryptedText(NamedTuple):
    """An encrypted text and its location: a field of a hash, or a string, with field ""."""

    key: str
    field: str
    text: str


@dataclass(slots=True)
class RotationTally:
    """Counts of the accounts and other records read, and the results for their secrets.

    `changed` were written or deleted by the app in the meantime; `unreadable` counts secrets that
    can't be decrypted, by the id of the key that encrypted them.
    """

    accounts: int = 0
    records: int = 0
    reencrypted: int = 0
    current: int = 0
    changed: int = 0
    unreadable: Counter[str] = field(default_factory=Counter)

    @property
    def is_complete(self) -> bool:
        """Whether everything found is now encrypted with the first key."""
        return not self.changed and not self.unreadable


class KeyRotation:
    """Re-encrypts secrets that were encrypted with another key; can be stopped and run again.

    Secrets already encrypted with the first key are skipped, so a second run only reads. Raises
    StoreUnavailable if Redis doesn't answer.
    """

    def __init__(
        self,
        redis: Commands,
        cipher: Cipher,
        *,
        per_second: float = KEYS_PER_SECOND,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._redis, self._cipher = redis, cipher
        self._pause, self._sleep = ROTATION_BATCH_SIZE / per_second, sleep
        self._replace_if_unchanged = redis.register_script(REPLACE_IF_UNCHANGED)

    async def run(self) -> AsyncIterator[RotationTally]:
        """Re-encrypt outdated secrets; yields the tally so far after each batch.

        The canary of `bot.store.encryption` is re-encrypted too, but not counted.
        """
        tally = RotationTally()
        with translate_redis_errors():
            await self._rotate_batch([redis_keys.canary()], STRING_TYPE, RotationTally())
        async for keys, kind in self._batches():
            with translate_redis_errors():
                await self._rotate_batch(keys, kind, tally)
            yield tally

    async def _batches(self) -> AsyncIterator[tuple[list[str], str]]:
        """Iterate over batches of keys of one type, with a pause between them."""
        begun = False
        for pattern, kind in ENCRYPTED_KEY_PATTERNS:
            cursor = -1
            while cursor != 0:
                if begun:
                    await self._sleep(self._pause)
                begun = True
                with translate_redis_errors():
                    cursor, keys = await self._redis.scan(
                        max(cursor, 0), match=pattern, count=ROTATION_BATCH_SIZE, _type=kind
                    )
                yield [key for key in keys if may_hold_encrypted(key)], kind

    async def _rotate_batch(self, keys: list[str], kind: str, tally: RotationTally) -> None:
        """Re-encrypt a batch, with a second attempt for secrets that the app has just changed."""
        accounts = sum(map(is_account, keys))
        tally.accounts += accounts
        tally.records += len(keys) - accounts
        found = await self._read(keys, kind)
        changed = set(await self._write(found, tally)) if found else set()
        if changed:
            found = await self._read(sorted({key for key, _ in changed}), kind)
            left = await self._write([s for s in found if (s.key, s.field) in changed], tally)
            tally.changed += len(left)

    async def _read(self, keys: list[str], kind: str) -> list[EncryptedText]:
        async with self._redis.pipeline(transaction=False) as pipe:
            for key in keys:
                _ = pipe.hgetall(key) if kind == HASH_TYPE else pipe.get(key)
            values = await pipe.execute()
        return [
            EncryptedText(key, name, text)
            for key, value in zip(keys, values, strict=True)
            for name, text in encrypted_texts(key, value).items()
        ]

    async def _write(
        self, found: list[EncryptedText], tally: RotationTally
    ) -> list[tuple[str, str]]:
        """Write secrets; return key and field of those changed by the app since they were read."""
        old = [one for one in found if not self._cipher.is_current(one.text)]
        tally.current += len(found) - len(old)
        new = [(one, text) for one in old if (text := self._reencrypt(one, tally))]
        async with self._redis.pipeline(transaction=False) as pipe:
            for one, text in new:
                await self._replace_if_unchanged(
                    keys=[one.key], args=[one.field, one.text, text], client=pipe
                )
            written = await pipe.execute()
        tally.reencrypted += sum(written)
        pairs = zip(new, written, strict=True)
        return [(one.key, one.field) for (one, _), done in pairs if not done]

    def _reencrypt(self, one: EncryptedText, tally: RotationTally) -> str:
        """Return the secret encrypted with the first key; empty if it can't be decrypted."""
        where = build_aad(one.key, one.field)
        try:
            return self._cipher.encrypt(self._cipher.decrypt(one.text, where), where)
        except DecryptionError:
            tally.unreadable[self._cipher.key_id(one.text)] += 1
            return ""


PROGRESS_INTERVAL_RECORDS = 1000


async def rotate(settings: Settings, write: Callable[[str], object]) -> int:
    """Rotate all secrets, and print the progress and the result.

    Returns the exit status: 1 if secrets are left, 2 if the keys don't match this Redis.
    """
    cipher = build_cipher(settings)
    canary = Canary(cipher, create=False)
    redis = connect(settings.redis_url.get_secret_value(), canary)
    tally, shown = RotationTally(), 0
    try:
        async for tally in KeyRotation(redis, cipher).run():
            if tally.accounts + tally.records >= shown + PROGRESS_INTERVAL_RECORDS:
                shown = tally.accounts + tally.records
                write(progress(tally))
    except StoreUnavailable as error:
        if canary.problem:
            write(canary.problem)
            return 2
        write(f"Redis doesn't answer ({error}). Run this again to continue.")
        return 1
    finally:
        await redis.aclose()
    write(progress(tally))
    write(advice(tally))
    return 0 if tally.is_complete else 1


def progress(tally: RotationTally) -> str:
    """One line about the progress."""
    return (
        f"{tally.accounts:,} accounts and {tally.records:,} other records: "
        f"{tally.reencrypted:,} secrets re-encrypted, "
        f"{tally.current:,} already current, {tally.unreadable.total():,} can't be decrypted"
    )


def advice(tally: RotationTally) -> str:
    """What to do next."""
    if tally.is_complete:
        return (
            "All secrets are encrypted with the first key; "
            "you can remove the others from ENCRYPTION_KEYS."
        )
    lines = []
    if tally.changed:
        lines.append(
            f"{tally.changed:,} secrets were changed by the app in the meantime: run this again."
        )
    for key_id, count in sorted(tally.unreadable.items()):
        lines.append(
            f"{count:,} encrypted with key {key_id!r} can't be decrypted. If that key is missing, "
            "add it at the end of ENCRYPTION_KEYS and run this again. If it is lost or already "
            "listed, these users must connect again, and set up their digests and alerts again."
        )
    return "\n".join(lines)
