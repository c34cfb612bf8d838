"""emporix-bot keys rotate: seal every secret in Redis with the first key of ENCRYPTION_KEYS."""

from __future__ import annotations

from collections.abc import Callable

from bot.errors import StoreUnavailable
from bot.resources import vault
from bot.settings import Settings
from bot.store.canary import Canary
from bot.store.connection import connect
from bot.store.rotation import Rotation, Tally

TOLD_EVERY = 1000  # records


async def rotate(settings: Settings, tell: Callable[[str], object]) -> int:
    """Tell how far it is, and what came of it.

    The exit status is 1 where something is left, and 2 where the keys do not fit this Redis.
    """
    keys = vault(settings)
    canary = Canary(keys, create=False)
    redis = connect(settings.redis_url.get_secret_value(), canary)
    tally, told = Tally(), 0
    try:
        async for tally in Rotation(redis, keys).run():
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


def progress(tally: Tally) -> str:
    """One line of what has been done."""
    return (
        f"{tally.accounts:,} accounts and {tally.others:,} other records: "
        f"{tally.sealed_anew:,} secrets sealed anew, "
        f"{tally.already_fine:,} were fine, {tally.unopenable.total():,} cannot be opened"
    )


def advice(tally: Tally) -> str:
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
