"""Stores digests in Redis in the app's own format."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from bench.stand_ins.emporix import TENANT
from bench.stored_users import BATCH, TEAM, user_id
from bot.domain.accounts import Caller
from bot.domain.digests import Digest, Schedule, ScheduledRun
from bot.store.connection import connect
from bot.store.digests import DigestStore
from bot.store.encryption import Cipher, parse_keys

EVERY_DAY = tuple(range(7))


def digest(
    number: int,
    due: float,
    *,
    owners: int,
    channels: int,
    teams: int = 1,
    tenant_of: Callable[[int], str] = lambda _: TENANT,
) -> Digest:
    """Create a digest that is due at `due`, in seconds since 1970.

    Owners and channels are assigned in rotation. Each owner belongs to one of the `teams`, because
    digests are limited per workspace and per person. The next run is a day later. The owner's
    account counts as just checked, so no call to Slack is needed.
    """
    at, owner = datetime.fromtimestamp(due, UTC), number % owners
    return Digest(
        id=f"{number:016x}",
        owner=Caller(TEAM if teams == 1 else f"{TEAM}{owner % teams}", user_id(owner)),
        channel_id=f"C{number % channels:09d}",
        name=f"Daily jobs {number // channels}",
        schedule=Schedule(at.hour * 60 + at.minute, "UTC", EVERY_DAY),
        tenant=tenant_of(owner),
        created_at=due,
        scheduled_run=ScheduledRun(at.date().isoformat(), due),
        checked_at=due,
        chart=False,
    )


async def set_up(redis_url: str, encryption_key: str, digests: Iterable[Digest]) -> None:
    """Store digests, with their index entries."""
    redis, left = connect(redis_url), list(digests)
    cipher = Cipher(parse_keys(encryption_key))
    for begin in range(0, len(left), BATCH):
        async with redis.pipeline(transaction=False) as pipe:
            store = DigestStore(pipe, cipher)
            for one in left[begin : begin + BATCH]:
                await store.save(one)
            if set(await pipe.execute()) != {"saved"}:
                raise RuntimeError("digests were refused")
    await redis.aclose()
