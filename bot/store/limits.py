"""How many digests, alerts and clean-ups there may be; the script that writes one checks it."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Literal

from bot.errors import LimitReached

logger = logging.getLogger(__name__)

DIGESTS: Mapping[str, int] = {"channel": 20, "person": 50, "workspace": 1_000}
ALERTS: Mapping[str, int] = {"channel": 10, "person": 50, "workspace": 1_000}

POSTS_NOW, POSTS_NOW_SECONDS = 10, 60 * 60
"""How often one digest can be posted by "post now"."""

CLEANUPS, CLEANUPS_SECONDS = 5, 24 * 60 * 60
"""Clean-ups that one person can begin."""

# Counts `member` and gives 0, or counts nothing and gives the seconds until that is possible.
WAIT_FOR = """
local function wait_for(key, member, most, seconds)
  local time = redis.call('TIME')
  local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
  redis.call('ZREMRANGEBYSCORE', key, '-inf', now - seconds)
  if redis.call('ZCARD', key) >= tonumber(most) then
    local oldest = redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')[2]
    return math.ceil(tonumber(oldest) + seconds - now)
  end
  redis.call('ZADD', key, now, member)
  redis.call('EXPIRE', key, seconds)
  return 0
end
"""


async def write_within(
    what: Literal["digests", "alerts"],
    team_id: str,
    most: Mapping[str, int],
    write: Callable[[Mapping[str, int]], Awaitable[str]],
    unreadable: Callable[[str], Awaitable[int]],
) -> str:
    """Write a record, and give the result; raises LimitReached where `write` gives a scope.

    Records that cannot be decrypted do not count, since nobody could delete them: `unreadable`
    gives how many a scope has. They are only looked for when a limit is reached.
    """
    allowed = dict(most)
    while (result := await write(allowed)) in most:
        more = most[result] + await unreadable(result)
        if more <= allowed[result]:
            if result == "workspace":
                logger.warning("workspace %s has %d %s, the limit", team_id, most[result], what)
            raise LimitReached(what, result, most[result])
        allowed[result] = more
    return result
