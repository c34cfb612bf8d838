"""A whole Redis as JSON, used by two people with every feature of the app."""

from __future__ import annotations

import tempfile
from itertools import chain
from pathlib import Path
from typing import Any

import stamina

from bot.store.connection import connect
from bot.store.encryption import Cipher, parse_keys
from sandbox.emporix.times import iso
from sandbox.redis_server import redis_server
from tests.harness.app import AppHarness, open_app, patient
from tests.harness.clock import NOW, FakeClock
from tests.test_forget import queue_tasks, tour

TEST_KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
"""The bytes 0 to 31."""

SHORT_LIVED_SECONDS = 60
"""Keys with a shorter lifetime are locks, which expire while an app is restarted."""


async def used_redis() -> dict[str, Any]:
    """Run the tour of `tests.test_forget` on a new Redis, and return all keys."""
    folder = tempfile.TemporaryDirectory()
    with stamina.set_testing(True, attempts=3), folder, redis_server(Path(folder.name)) as url:
        redis, clock = connect(patient(url)), FakeClock()
        async with open_app(redis, url, clock, encryption_keys=TEST_KEY) as harness:
            await tour(harness)
            add_running_job(harness)
            await harness.person("ada", "ops").command("/emporix jobs watch watched")
            await queue_tasks(harness, url)
        found = await copy(redis)
        await redis.aclose()
    pseudonym = Cipher(parse_keys(TEST_KEY)).pseudonym("T0ACME:U0ADA")
    return {"clock": clock() - NOW, "pseudonym": pseudonym, "keys": found}


def add_running_job(harness: AppHarness, status: str = "in_progress") -> None:
    """The job that Ada watches, or its end."""
    times = {"version": 1, "createdAt": iso(NOW), "modifiedAt": iso(harness.clock())}
    harness.emporix_state.add_job(
        "acme", id="watched", status=status, message="No order.", metadata=times
    )


async def copy(redis: Any) -> dict[str, Any]:
    """The type, the value and the remaining seconds (-1: no expiry) of each key."""
    found = {}
    for key in sorted([one async for one in redis.scan_iter("*")]):
        type_, ttl = await redis.type(key), await redis.ttl(key)
        if ttl == -1 or ttl >= SHORT_LIVED_SECONDS:
            found[key] = {"type": type_, "ttl": ttl, "value": await _value(redis, key, type_)}
    return found


async def _value(redis: Any, key: str, type_: str) -> Any:
    match type_:
        case "string":
            return await redis.get(key)
        case "hash":
            return await redis.hgetall(key)
        case "set":
            return sorted(await redis.smembers(key))
        case "zset":
            return dict(await redis.zrange(key, 0, -1, withscores=True))
        case "list":
            return await redis.lrange(key, 0, -1)
        case "stream":
            return dict(await redis.xrange(key))
    raise ValueError(f"{key} is a {type_}")


async def restore(redis: Any, keys: dict[str, Any]) -> None:
    """Write a copy into an empty Redis."""
    for key, one in keys.items():
        for command in _commands(one["type"], one["value"]):
            await redis.execute_command(command[0], key, *command[1:])
        if one["ttl"] != -1:
            await redis.expire(key, one["ttl"])


def _commands(type_: str, value: Any) -> list[list[Any]]:
    """The commands that write a value, without its key."""
    match type_:
        case "hash":
            return [["HSET", *chain.from_iterable(value.items())]]
        case "zset":
            return [["ZADD", score, member] for member, score in value.items()]
        case "stream":
            entries = value.items()
            return [
                ["XADD", entry, *chain.from_iterable(facts.items())] for entry, facts in entries
            ]
    name = {"string": "SET", "set": "SADD", "list": "RPUSH"}[type_]
    return [[name, *([value] if isinstance(value, str) else value)]]
