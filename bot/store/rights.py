"""Which commands of Redis the app uses, and whether its user may run them.

Each is queued in a transaction that is never executed: Redis checks the rights for a command and
its keys when it is queued. https://redis.io/docs/latest/develop/using-commands/transactions/
"""

from __future__ import annotations

from typing import Any

from redis.exceptions import ResponseError

from bot.store import layout
from bot.store.connection import Commands, reaching_redis
from bot.store.trouble import kind

KEY = f"{layout.PREFIX}:rights"
QUEUE = f"saq:{layout.QUEUE}:rights"
JOB = f"saq:job:{layout.QUEUE}:rights"
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
setex saq:abort:{layout.TASK}:rights 1 1
"""
"""Every command but those that begin a connection, each in a form that Redis accepts."""


async def missing_rights(redis: Commands) -> list[str]:
    """The commands that the user of Redis may not run, or not on the app's keys.

    Changes nothing. Raises StoreUnavailable.
    """
    with reaching_redis():
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
        if kind(error) == "NOPERM":
            return order.partition(" ")[0].upper()
    return ""
