"""Health checks: is Redis writable, permitted and on time, and are workers alive?"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from redis.exceptions import ResponseError

from bot.errors import StoreUnavailable
from bot.store import keys as redis_keys
from bot.store.connection import Commands, translate_redis_errors
from bot.store.errors import error_kind

GONE_SECONDS = 30.0
"""A worker that has been silent for so long is not at work."""

HEARTBEATS_TTL_SECONDS = 30 * 24 * 60 * 60.0


@dataclass(frozen=True, slots=True)
class WorkersSeen:
    """How many workers are at work, and when one was last, None where none ever was."""

    at_work: int
    last: float | None


class Heartbeats:
    """Workers by their ids; both methods raise StoreUnavailable where Redis does not answer."""

    def __init__(self, redis: Commands) -> None:
        self._redis = redis

    async def heartbeat(self, worker_id: str, now: float) -> None:
        """This worker is at work; those that were long ago are forgotten."""
        key = redis_keys.workers()
        with translate_redis_errors():
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.zadd(key, {worker_id: now})
                pipe.zremrangebyscore(key, "-inf", now - HEARTBEATS_TTL_SECONDS)
                await pipe.execute()

    async def seen(self, now: float) -> WorkersSeen:
        key = redis_keys.workers()
        with translate_redis_errors():
            async with self._redis.pipeline(transaction=False) as pipe:
                pipe.zcount(key, now - GONE_SECONDS, "+inf")
                pipe.zrevrange(key, 0, 0, withscores=True)
                at_work, newest = await pipe.execute()
        return WorkersSeen(int(at_work), float(newest[0][1]) if newest else None)


CLOCK_WARNING_SECONDS, CLOCK_ERROR_SECONDS = 2.0, 5.0
"""Off by more is worth a warning; off by more keeps a worker from working.

A worker takes a task from another one that has been silent for 6 s, by its own clock.
"""


async def clock_offset(redis: Commands, clock: Callable[[], float]) -> float:
    """Seconds, negative where it is behind; exact to half a round trip. Raises StoreUnavailable."""
    with translate_redis_errors():
        before = clock()
        seconds, microseconds = await redis.time()
        return (before + clock()) / 2 - float(seconds + microseconds / 1e6)


PROBE_TTL_SECONDS = 1.0
"""However often the answer is asked for, Redis is asked once in this time."""


class WriteProbe:
    """One for a process."""

    def __init__(self, redis: Commands, clock: Callable[[], float] = time.monotonic) -> None:
        self._redis, self._clock = redis, clock
        self._asking = asyncio.Lock()
        self._asked_at, self._trouble = float("-inf"), ""

    async def ping(self) -> None:
        """Raises StoreUnavailable with the kind of trouble: OOM, READONLY, TimeoutError, …"""
        async with self._asking:
            if self._clock() - self._asked_at >= PROBE_TTL_SECONDS:
                self._trouble = await self._ask()
                self._asked_at = self._clock()
        if self._trouble:
            raise StoreUnavailable(self._trouble)

    async def _ask(self) -> str:
        try:
            with translate_redis_errors():
                await self._redis.set(redis_keys.probe(), "1", px=1000)
        except StoreUnavailable as error:
            return str(error)
        return ""


KEY = f"{redis_keys.PREFIX}:rights"
QUEUE = f"saq:{redis_keys.QUEUE}:rights"
JOB = f"saq:job:{redis_keys.QUEUE}:rights"
SHA = "0" * 40

EXAMPLES = f"""
ping
del {KEY}
evalsha {SHA} 0
exists {KEY}
expire {KEY} 1
get {KEY}
hdel {KEY} f
hexists {KEY} f
hget {KEY} f
hgetall {KEY}
hincrby {KEY} f 1
hkeys {KEY}
hlen {KEY}
hmget {KEY} f
hset {KEY} f 1
hvals {KEY}
info
mget {KEY}
persist {KEY}
pexpire {KEY} 1
rename {KEY} {KEY}
sadd {KEY} m
scard {KEY}
scan 0
script exists {SHA}
script load return
set {KEY} 1
sismember {KEY} m
smembers {KEY}
srem {KEY} m
time
type {KEY}
xadd {KEY} * f 1
xdel {KEY} 1-1
xlen {KEY}
xrange {KEY} - +
xrevrange {KEY} + -
xtrim {KEY} MAXLEN 1
zadd {KEY} 1 m
zcard {KEY}
zcount {KEY} 0 1
zrange {KEY} 0 1
zrangebyscore {KEY} 0 1
zrem {KEY} m
zremrangebyscore {KEY} 0 1
zrevrange {KEY} 0 1
zscore {KEY} m
blmove {QUEUE} {QUEUE} LEFT RIGHT 1
get {JOB}
lrange {QUEUE} 0 1
lrem {QUEUE} 0 m
publish {JOB} 1
rpush {QUEUE} m
set {JOB} 1
setex saq:abort:{redis_keys.TASK}:rights 1 1
"""
"""Every command but those that begin a connection, each in a form that Redis accepts."""


async def missing_permissions(redis: Commands) -> list[str]:
    """The commands that the user of Redis may not run, or not on the app's keys.

    Changes nothing. Raises StoreUnavailable.
    """
    with translate_redis_errors():
        connection = await redis.connection_pool.get_connection()
        try:
            return sorted(set(await _missing(connection)))
        finally:
            await connection.disconnect()  # with it goes the transaction
            await redis.connection_pool.release(connection)


async def _missing(connection: Any) -> list[str]:
    for order in ("multi", "exec", "multi"):  # without a transaction, what follows would be run
        if missing := await _refused(connection, order):
            return [missing]
    examples = filter(None, EXAMPLES.split("\n"))
    return [missing for order in examples if (missing := await _refused(connection, order))]


async def _refused(connection: Any, order: str) -> str:
    """The command, in capitals, where it is not allowed."""
    await connection.send_command(*order.split(" "))
    try:
        await connection.read_response()
    except ResponseError as error:  # a full Redis or a replica refuses more, for other reasons
        if error_kind(error) == "NOPERM":
            return order.partition(" ")[0].upper()
    return ""
