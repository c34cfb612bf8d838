"""What must be posted once: claimed before it is sent, settled afterwards.

nothing there          nobody has begun
a time                 somebody is at it until then; after that, how it ended is not known
sent:<ts>              posted; `ts` names the message, "" where that is not known
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bot.store import layout
from bot.store.connection import Commands, reaching_redis

CLAIM_SECONDS = 20.0
"""Longer than it may take to look and to post: an older claim belongs to nobody any more."""

KEPT_SECONDS = 2 * 24 * 60 * 60
"""Longer than any post is tried again."""

SENT = "sent:"

CLAIM = """
local found = redis.call('GET', KEYS[1])
if found and string.sub(found, 1, 5) == 'sent:' then return found end
if found and tonumber(found) > tonumber(ARGV[1]) then return 'busy' end
redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])
return found and 'unknown' or 'new'
"""


@dataclass(frozen=True, slots=True)
class Claim:
    """`step` says what to do: post (new), look whether it is there (unknown), wait (busy), nothing
    (sent); `ts` is the message that was sent.
    """

    step: Literal["new", "unknown", "busy", "sent"]
    ts: str = ""


class Posts:
    """Posts by name. Every method raises StoreUnavailable where Redis does not answer."""

    def __init__(self, redis: Commands) -> None:
        self._redis = redis
        self._claim = redis.register_script(CLAIM)

    async def sent(self, name: str) -> Claim | None:
        """The claim of something that was sent; None where it was not, or that is not known."""
        with reaching_redis():
            found = await self._redis.get(layout.post(name)) or ""
        return _sent(found) if found.startswith(SENT) else None

    async def claim(self, name: str, now: float) -> Claim:
        """Be the one who posts this; from `now` on for `CLAIM_SECONDS`."""
        with reaching_redis():
            found = await self._claim(
                keys=[layout.post(name)], args=[now, now + CLAIM_SECONDS, KEPT_SECONDS]
            )
        return _sent(found) if found.startswith(SENT) else Claim(found)

    async def release(self, name: str) -> None:
        """It is certain that nothing was posted: whoever comes next begins anew."""
        with reaching_redis():
            await self._redis.delete(layout.post(name))

    async def doubt(self, name: str, now: float) -> None:
        """The call has ended, and how is not known: whoever comes next looks at once."""
        with reaching_redis():
            await self._redis.set(layout.post(name), str(now), ex=KEPT_SECONDS)

    async def settle(self, name: str, ts: str) -> None:
        """It is posted."""
        with reaching_redis():
            await self._redis.set(layout.post(name), SENT + ts, ex=KEPT_SECONDS)


def _sent(found: str) -> Claim:
    return Claim("sent", found.removeprefix(SENT))
