"""A process whose keys can't decrypt the data in Redis writes nothing there."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bot.errors import StoreUnavailable
from bot.key_rotation import KeyRotation
from bot.store import keys as redis_keys
from bot.store.connection import connect, connect_for_queue, translate_redis_errors
from bot.store.encryption import Canary, Cipher, WrongEncryptionKeys, new_key, parse_keys

OURS, THEIRS = new_key(), new_key()


def cipher(*keys: str) -> Cipher:
    return Cipher(parse_keys(",".join(keys)))


async def writes(url: str, *keys: str) -> str:
    """Write a key with these encryption keys; returns the canary's problem."""
    canary = Canary(cipher(*keys))
    client = connect(url, canary)
    try:
        await client.set("written by", keys[0])
    except WrongEncryptionKeys:
        assert canary.problem
    finally:
        await client.aclose()
    return canary.problem


async def everything(redis: Any) -> dict[str, bytes]:
    return {key: await redis.get(key) for key in await redis.keys()}


async def test_the_first_process_writes_it(redis: Any, redis_url: str) -> None:
    """The first process writes an encrypted canary, and processes with the same key accept it."""
    assert await writes(redis_url, OURS) == ""
    assert cipher(OURS).decrypt(await redis.get(redis_keys.canary()), redis_keys.canary())
    assert await redis.ttl(redis_keys.canary()) == -1
    assert await writes(redis_url, THEIRS, OURS) == ""


@pytest.mark.parametrize("connecting", [connect, connect_for_queue])
async def test_wrong_keys_write_nothing(redis: Any, redis_url: str, connecting: Any) -> None:
    """No command of either client is sent; the process is stopped once, with the reason."""
    await writes(redis_url, OURS)
    before = await everything(redis)
    stops: list[str] = []
    canary = Canary(cipher(THEIRS), lambda: stops.append("stop"))
    client = connecting(redis_url, canary)
    script = client.register_script("redis.call('SET', KEYS[1], 1)")
    await redis.config_resetstat()
    for call in (lambda: client.set("k", 1), lambda: script(keys=["k"]), client.ping):
        with pytest.raises(StoreUnavailable), translate_redis_errors():
            await call()
    async with client.pipeline(transaction=True) as pipe:
        pipe.set("k", 1)
        with pytest.raises(WrongEncryptionKeys):
            await pipe.execute()
    used = {name.removeprefix("cmdstat_") for name in await redis.info("commandstats")}
    assert used <= {"get", "hello", "client", "ping", "info", "config|resetstat", "config"}
    assert await everything(redis) == before
    assert stops == ["stop"]
    assert "ENCRYPTION_KEYS can't decrypt" in canary.problem
    assert THEIRS not in canary.problem
    await client.aclose()


async def test_it_is_read_on_each_new_connection(redis: Any, redis_url: str) -> None:
    """The canary is checked on reconnect, which may lead to a server with other data."""
    client = connect(redis_url, Canary(cipher(OURS)))
    await client.ping()
    await redis.delete(redis_keys.canary())
    await writes(redis_url, THEIRS)
    await client.ping()
    await client.connection_pool.disconnect()
    with pytest.raises(WrongEncryptionKeys):
        await client.ping()
    await client.aclose()


@pytest.mark.parametrize("_round", range(5))
async def test_two_first_starts_agree(redis: Any, redis_url: str, _round: int) -> None:
    """If many processes start at once with two sets of keys, only one set is accepted."""
    sets = [OURS, THEIRS] * 10
    problems = await asyncio.gather(*(writes(redis_url, keys) for keys in sets))
    stopped = {keys for keys, problem in zip(sets, problems, strict=True) if problem}
    working = {keys for keys, problem in zip(sets, problems, strict=True) if not problem}
    assert (len(stopped), len(working)) == (1, 1)
    assert {await redis.get("written by")} == working


class Overtaken:
    """A connection on which another process writes its canary just before this one does."""

    def __init__(self, redis: Any) -> None:
        self._redis, self._answer = redis, None
        self.theirs = cipher(THEIRS).encrypt("emporix-jobs", redis_keys.canary())

    async def send_command(self, *command: str, check_health: bool) -> None:
        if command[0] == "SET":
            await self._redis.set(redis_keys.canary(), self.theirs)
        self._answer = await self._redis.execute_command(*command)

    async def read_response(self) -> Any:
        return self._answer


async def test_the_first_canary_is_kept(redis: Any) -> None:
    """The canary of the first process is kept, and the second process is stopped."""
    connection = Overtaken(redis)
    with pytest.raises(WrongEncryptionKeys):
        await Canary(cipher(OURS)).admit(connection)
    assert await redis.get(redis_keys.canary()) == connection.theirs


async def test_only_a_process_that_works_writes_it(redis: Any, redis_url: str) -> None:
    """A client that doesn't create the canary leaves an empty Redis empty."""
    client = connect(redis_url, Canary(cipher(OURS), create=False))
    await client.ping()
    assert await everything(redis) == {}
    await client.aclose()


async def test_rotation_encrypts_it_with_the_first_key(redis: Any, redis_url: str) -> None:
    """After a rotation, processes no longer need the old key."""
    await writes(redis_url, OURS)
    tallies = [tally async for tally in KeyRotation(redis, cipher(THEIRS, OURS)).run()]
    assert await writes(redis_url, THEIRS) == ""
    assert await writes(redis_url, OURS) != ""
    assert tallies[-1].reencrypted == 0  # what is counted is people's


async def test_a_redis_that_is_away_says_nothing_about_keys(redis_url: str) -> None:
    """If Redis was down at the start, the canary is checked when it is back."""
    canary = Canary(cipher(OURS))
    client = connect(f"{redis_url}.gone", canary)
    with pytest.raises(StoreUnavailable), translate_redis_errors():
        await client.ping()
    assert not canary.has_refused()
    await client.aclose()
