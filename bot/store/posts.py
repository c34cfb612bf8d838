"""Messages that must be posted once: claimed before they are sent, settled afterwards.

no key                 nobody has begun
claim:<until>:<token>  its holder may look for the message and post it until then, in Redis's time;
                       after that, the outcome is unknown
doubt                  the holder has stopped, and the outcome is unknown
sent:<ts>              posted; `ts` names the message, "" if that is not known
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bot.store import layout
from bot.store.connection import REDIS_NOW, Commands, reaching_redis
from bot.store.pace import CHANNEL_SECONDS, pace_keys

CLAIM_SECONDS = 20.0
"""Longer than a search of the history and a post take together."""

KEPT_SECONDS = 2 * 24 * 60 * 60
"""Longer than any post is retried."""

SENT, DOUBT = "sent:", "doubt"

# One script decides, so that nothing can happen between the checks: the claim is free or still
# ours, the channel may have another message, and Slack has not asked for a pause.
CLAIM = f"""
local found = redis.call('GET', KEYS[1])
if found and string.sub(found, 1, 5) == 'sent:' then return {{'sent', string.sub(found, 6)}} end
{REDIS_NOW}
local ends, token = string.match(found or '', '^claim:([%d.]+):(.+)$')
local ours = token == ARGV[1]
if ends and not ours and tonumber(ends) > now then return {{'busy', tostring(ends - now)}} end
local is_unknown = found and not (ours and ARGV[2] == 'looked')
if KEYS[2] and not is_unknown then
    local last, held = unpack(redis.call('HMGET', KEYS[2], 'last', 'held'))
    local all_held = redis.call('HGET', KEYS[3], 'held')
    local from = math.max((last or 0) + ARGV[5], held or 0, all_held or 0)
    if from - now > 0.001 then return {{'wait', tostring(from - now)}} end
    redis.call('HSET', KEYS[2], 'last', string.format('%.6f', now))
    redis.call('PEXPIRE', KEYS[2], 3600000)
end
local claim = string.format('claim:%.6f:%s', now + ARGV[3], ARGV[1])
redis.call('SET', KEYS[1], claim, 'EX', ARGV[4])
return {{is_unknown and 'unknown' or 'post', ''}}
"""

# Only the holder of a claim may end it.
END = """
local token = string.match(redis.call('GET', KEYS[1]) or '', '^claim:[%d.]+:(.+)$')
if token ~= ARGV[1] then return end
if ARGV[2] == '' then redis.call('DEL', KEYS[1]) else
    redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])
end
"""


@dataclass(frozen=True, slots=True)
class Claim:
    """`step` is the next step of the caller.

    post: send the message now. unknown: search the history for it first. wait: the channel or the
    workspace may not have a message for `seconds`. busy: another worker holds the claim for
    `seconds`. sent: nothing; `ts` names the message.
    """

    step: Literal["post", "unknown", "wait", "busy", "sent"]
    ts: str = ""
    seconds: float = 0.0


class Posts:
    """Posts by name. Every method raises StoreUnavailable if Redis does not answer."""

    def __init__(self, redis: Commands) -> None:
        self._redis = redis
        self._claim = redis.register_script(CLAIM)
        self._end = redis.register_script(END)

    async def sent(self, name: str) -> Claim | None:
        """The claim of a message that was sent; None if it was not, or if that is not known."""
        with reaching_redis():
            found = await self._redis.get(layout.post(name)) or ""
        return Claim("sent", found.removeprefix(SENT)) if found.startswith(SENT) else None

    async def claim(
        self, name: str, token: str, place: tuple[str, str] | None = None, *, looked: bool = False
    ) -> Claim:
        """Take or renew the claim for `CLAIM_SECONDS`; `token` names its holder.

        `place` is team and channel: the message then counts for their pace. `looked`: the holder
        has searched the history since its first claim, and the message is not there.
        """
        keys = [layout.post(name), *(pace_keys(*place) if place else ())]
        args = [token, "looked" if looked else "", CLAIM_SECONDS, KEPT_SECONDS, CHANNEL_SECONDS]
        with reaching_redis():
            step, value = await self._claim(keys=keys, args=args)
        if step == "sent":
            return Claim(step, value)
        return Claim(step, seconds=float(value or 0))

    async def release(self, name: str, token: str) -> None:
        """Nothing was posted, for certain: the next attempt starts from the beginning."""
        await self._end_claim(name, token, "")

    async def doubt(self, name: str, token: str) -> None:
        """The outcome is unknown: the next attempt searches the history at once."""
        await self._end_claim(name, token, DOUBT)

    async def give_up(self, name: str, token: str) -> None:
        """The outcome stays unknown: the message is not posted again."""
        await self._end_claim(name, token, SENT)

    async def settle(self, name: str, ts: str) -> None:
        """The message is posted, also if another worker holds the claim now."""
        with reaching_redis():
            await self._redis.set(layout.post(name), SENT + ts, ex=KEPT_SECONDS)

    async def _end_claim(self, name: str, token: str, value: str) -> None:
        with reaching_redis():
            await self._end(keys=[layout.post(name)], args=[token, value, KEPT_SECONDS])
