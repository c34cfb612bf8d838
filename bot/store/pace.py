"""How fast messages may go to Slack, for all workers together.

Slack: one message a second to a channel, some hundred a minute to a workspace. Each message gets a
time of its own, so nobody has to be refused first.
"""

from __future__ import annotations

from bot.store import layout
from bot.store.connection import Commands, reaching_redis

CHANNEL_SECONDS = 1.05
"""Between two messages to a channel; a little more than Slack asks for, as networks vary."""

COMING_BACK = "coming_back"
"""In the place of a channel: when the next of those comes back who found no time."""

# A message that waits for its channel takes its place in the workspace now, so that a channel with
# many messages keeps no other waiting. A wait that is too long takes no place.
RESERVE = """
local now = tonumber(ARGV[1])
local channel = math.max(now, tonumber(redis.call('GET', KEYS[1]) or '0'))
local workspace = math.max(now, tonumber(redis.call('GET', KEYS[2]) or '0'))
local at = math.max(channel, workspace)
if at - now <= tonumber(ARGV[4]) then
    redis.call('SET', KEYS[1], string.format('%.6f', at + ARGV[2]), 'PX', 3600000)
    redis.call('SET', KEYS[2], string.format('%.6f', workspace + ARGV[3]), 'PX', 3600000)
end
return tostring(at - now)
"""

# Who found no place comes back in turn: all at once they would only find out again.
COME_BACK = """
local at = math.max(ARGV[1] + ARGV[2], tonumber(redis.call('GET', KEYS[1]) or '0'))
redis.call('SET', KEYS[1], string.format('%.6f', at + ARGV[3]), 'PX', 3600000)
return tostring(at - ARGV[1])
"""

HOLD = """
for _, key in ipairs(KEYS) do
    if tonumber(redis.call('GET', key) or '0') < tonumber(ARGV[1]) then
        redis.call('SET', key, ARGV[1], 'PX', 3600000)
    end
end
"""


class Pace:
    """Gives times to messages. Every method raises StoreUnavailable where Redis does not answer."""

    def __init__(self, redis: Commands, per_minute: float) -> None:
        self._reserve = redis.register_script(RESERVE)
        self._come_back = redis.register_script(COME_BACK)
        self._hold = redis.register_script(HOLD)
        self._workspace_seconds = 60.0 / per_minute

    async def reserve(self, team_id: str, channel_id: str, now: float, longest: float) -> float:
        """In how many seconds a message may go; if that is over `longest`, nothing is reserved."""
        with reaching_redis():
            wait = await self._reserve(
                keys=_keys(team_id, channel_id),
                args=[now, CHANNEL_SECONDS, self._workspace_seconds, longest],
            )
        return float(wait)

    async def come_back(self, team_id: str, now: float, soonest: float) -> float:
        """In how many seconds to ask again, `soonest` at the earliest.

        Those who wait for the workspace come one after another, as fast as messages may go.
        """
        with reaching_redis():
            wait = await self._come_back(
                keys=[layout.pace(team_id, COMING_BACK)],
                args=[now, soonest, self._workspace_seconds],
            )
        return float(wait)

    async def hold(self, team_id: str, channel_id: str, until: float) -> None:
        """Slack has refused a message: none goes to the channel, or anywhere, before `until`."""
        with reaching_redis():
            await self._hold(keys=_keys(team_id, channel_id), args=[until])


def _keys(team_id: str, channel_id: str) -> list[str]:
    return [layout.pace(team_id, channel_id), layout.pace(team_id)]
