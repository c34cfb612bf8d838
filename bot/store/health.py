"""Health checks: Redis's write access, permissions and clock, and the running workers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from redis.exceptions import ResponseError

from bot.errors import StoreUnavailable
from bot.store import keys as redis_keys
from bot.store.connection import Commands, translate_redis_errors
from bot.store.errors import error_kind

WORKER_ALIVE_SECONDS = 30.0
"""A worker without a heartbeat for this long counts as stopped."""

WORKER_START_SECONDS = 60.0
"""How long a worker may take to start; it usually starts together with the web process."""

HEARTBEATS_TTL_SECONDS = 30 * 24 * 60 * 60.0


@dataclass(frozen=True, slots=True)
class WorkerStatus:
    """The number of running workers, and the time of the last heartbeat (None if there is none).

    `is_starting`: none is running, but this process has just started, so one may be starting, too.
    """

    alive: int
    last_heartbeat: float | None
    is_starting: bool = False


class Heartbeats:
    """Heartbeats of workers; both methods raise StoreUnavailable if Redis doesn't answer.

    `started_at` is when this process started, in seconds since 1970.
    """

    def __init__(self, redis: Commands, started_at: float = 0.0) -> None:
        self._redis, self._started_at = redis, started_at

    async def record(self, worker_id: str, now: float) -> None:
        """Record a worker's heartbeat, and delete heartbeats that have expired."""
        key = redis_keys.workers()
        with translate_redis_errors():
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.zadd(key, {worker_id: now})
                pipe.zremrangebyscore(key, "-inf", now - HEARTBEATS_TTL_SECONDS)
                await pipe.execute()

    async def status(self, now: float) -> WorkerStatus:
        key = redis_keys.workers()
        with translate_redis_errors():
            async with self._redis.pipeline(transaction=False) as pipe:
                pipe.zcount(key, now - WORKER_ALIVE_SECONDS, "+inf")
                pipe.zrevrange(key, 0, 0, withscores=True)
                at_work, newest = await pipe.execute()
        is_starting = not at_work and now - self._started_at < WORKER_START_SECONDS
        return WorkerStatus(int(at_work), float(newest[0][1]) if newest else None, is_starting)


INCOMPLETE_TASKS = f"saq:{redis_keys.QUEUE_NAME}:incomplete"
"""saq's sorted set of tasks: 0 if due or running, else the time until which it is postponed."""


@dataclass(frozen=True, slots=True)
class ScheduleState:
    """The state of scheduled work in Redis.

    `due_indexes` has the size of each index, and for how many seconds its first entry has been due.
    """

    clock_offset: float
    workers: int
    due_tasks: int
    postponed_tasks: int
    due_indexes: Mapping[str, tuple[int, float]]


async def read_schedule(redis: Commands, now: float) -> ScheduleState:
    """Read the state of scheduled work in one round trip; raises StoreUnavailable."""
    indexes = {
        "alerts": redis_keys.alerts_due(),
        "cleanups": redis_keys.cleanups_due(),
        "digests": redis_keys.digests_due(),
        "runs": redis_keys.runs_due(),
        "watches": redis_keys.watches_due(),
    }
    with translate_redis_errors():
        async with redis.pipeline(transaction=False) as pipe:
            pipe.time()
            pipe.zcount(redis_keys.workers(), now - WORKER_ALIVE_SECONDS, "+inf")
            pipe.zcount(INCOMPLETE_TASKS, "-inf", 0)
            pipe.zcount(INCOMPLETE_TASKS, "(0", "+inf")
            for key in indexes.values():
                pipe.zcard(key)
                pipe.zrange(key, 0, 0, withscores=True)
            (seconds, micros), workers, due, postponed, *found = await pipe.execute()
    first = [max(0.0, now - entries[0][1]) if entries else 0.0 for entries in found[1::2]]
    sizes = dict(zip(indexes, zip(map(int, found[::2]), first, strict=True), strict=True))
    return ScheduleState(now - seconds - micros / 1e6, workers, due, postponed, sizes)


CLOCK_WARNING_SECONDS, CLOCK_ERROR_SECONDS = 2.0, 5.0
"""Offsets from Redis's clock above which a worker logs a warning, or stops.

A worker uses its own clock to take over tasks from workers that have been silent for 6 s.
"""


async def clock_offset(redis: Commands, clock: Callable[[], float]) -> float:
    """Return this host's clock minus Redis's, in seconds; raises StoreUnavailable.

    Accurate to ± half a round trip.
    """
    with translate_redis_errors():
        before = clock()
        seconds, microseconds = await redis.time()
        return (before + clock()) / 2 - float(seconds + microseconds / 1e6)


PROBE_TTL_SECONDS = 1.0
"""How long a result is cached: Redis is checked at most once in this period."""


class WriteProbe:
    """Checks whether Redis accepts writes; create one per process."""

    def __init__(self, redis: Commands, clock: Callable[[], float] = time.monotonic) -> None:
        self._redis, self._clock = redis, clock
        self._lock = asyncio.Lock()
        self._probed_at, self._error = float("-inf"), ""

    async def ping(self) -> None:
        """Raise StoreUnavailable if writes fail, with the kind of error: OOM, READONLY, …"""
        async with self._lock:
            if self._clock() - self._probed_at >= PROBE_TTL_SECONDS:
                self._error = await self._probe()
                self._probed_at = self._clock()
        if self._error:
            raise StoreUnavailable(self._error)

    async def _probe(self) -> str:
        try:
            with translate_redis_errors():
                await self._redis.set(redis_keys.probe(), "1", px=1000)
        except StoreUnavailable as error:
            return str(error)
        return ""


PERMISSION_KEY = f"{redis_keys.PREFIX}:rights"
PERMISSION_QUEUE = f"saq:{redis_keys.QUEUE_NAME}:rights"
PERMISSION_JOB = f"saq:job:{redis_keys.QUEUE_NAME}:rights"
UNKNOWN_SHA = "0" * 40

COMMAND_EXAMPLES = f"""
ping
del {PERMISSION_KEY}
evalsha {UNKNOWN_SHA} 0
exists {PERMISSION_KEY}
expire {PERMISSION_KEY} 1
get {PERMISSION_KEY}
hdel {PERMISSION_KEY} f
hexists {PERMISSION_KEY} f
hget {PERMISSION_KEY} f
hgetall {PERMISSION_KEY}
hincrby {PERMISSION_KEY} f 1
hkeys {PERMISSION_KEY}
hlen {PERMISSION_KEY}
hmget {PERMISSION_KEY} f
hset {PERMISSION_KEY} f 1
hvals {PERMISSION_KEY}
info
mget {PERMISSION_KEY}
persist {PERMISSION_KEY}
pexpire {PERMISSION_KEY} 1
rename {PERMISSION_KEY} {PERMISSION_KEY}
sadd {PERMISSION_KEY} m
scard {PERMISSION_KEY}
scan 0
script exists {UNKNOWN_SHA}
script load return
set {PERMISSION_KEY} 1
sismember {PERMISSION_KEY} m
smembers {PERMISSION_KEY}
srem {PERMISSION_KEY} m
time
type {PERMISSION_KEY}
xadd {PERMISSION_KEY} * f 1
xdel {PERMISSION_KEY} 1-1
xlen {PERMISSION_KEY}
xrange {PERMISSION_KEY} - +
xrevrange {PERMISSION_KEY} + -
xtrim {PERMISSION_KEY} MAXLEN 1
zadd {PERMISSION_KEY} 1 m
zcard {PERMISSION_KEY}
zcount {PERMISSION_KEY} 0 1
zrange {PERMISSION_KEY} 0 1
zrangebyscore {PERMISSION_KEY} 0 1
zrem {PERMISSION_KEY} m
zremrangebyscore {PERMISSION_KEY} 0 1
zrevrange {PERMISSION_KEY} 0 1
zscore {PERMISSION_KEY} m
blmove {PERMISSION_QUEUE} {PERMISSION_QUEUE} LEFT RIGHT 1
get {PERMISSION_JOB}
lrange {PERMISSION_QUEUE} 0 1
lrem {PERMISSION_QUEUE} 0 m
publish {PERMISSION_JOB} 1
rpush {PERMISSION_QUEUE} m
set {PERMISSION_JOB} 1
setex saq:abort:{redis_keys.TASK_PREFIX}:rights 1 1
"""
"""Every command the app uses, in a valid form, except those that set up a connection."""


async def missing_permissions(redis: Commands) -> list[str]:
    """Return the commands that the Redis user may not run, at all or on the app's keys.

    Checks the commands without running them. Raises StoreUnavailable.
    """
    with translate_redis_errors():
        connection = await redis.connection_pool.get_connection()
        try:
            return sorted(set(await _missing(connection)))
        finally:
            await connection.disconnect()  # discards the open transaction
            await redis.connection_pool.release(connection)


async def _missing(connection: Any) -> list[str]:
    for order in ("multi", "exec", "multi"):  # outside a transaction, the examples would run
        if missing := await _refused(connection, order):
            return [missing]
    examples = filter(None, COMMAND_EXAMPLES.split("\n"))
    return [missing for order in examples if (missing := await _refused(connection, order))]


async def _refused(connection: Any, order: str) -> str:
    """Return the command in capitals if it isn't permitted, else ""."""
    await connection.send_command(*order.split(" "))
    try:
        await connection.read_response()
    except ResponseError as error:  # a full Redis or a replica rejects more, for other reasons
        if error_kind(error) == "NOPERM":
            return order.partition(" ")[0].upper()
    return ""
