"""A Redis client with injected faults."""

from __future__ import annotations

from typing import Any

import pytest
from redis.exceptions import ConnectionError as ConnectionBroken

from tests.harness.faulty_redis import FaultyRedis, faulty_client


async def write_twice(redis: FaultyRedis) -> None:
    await redis.set("first", "1")
    async with redis.pipeline() as pipe:
        pipe.set("second", "1")
        await pipe.execute()


@pytest.mark.parametrize(
    ("call", "after", "written"),
    [(1, False, []), (1, True, ["first"]), (2, False, ["first"]), (2, True, ["first", "second"])],
)
async def test_breaks_the_chosen_call(
    redis: Any, call: int, after: bool, written: list[str]
) -> None:
    """The server has run what came before the fault, and the call itself only if asked to."""
    client = faulty_client(redis)
    with client.faults.at(call, after=after), pytest.raises(ConnectionBroken):
        await write_twice(client)
    assert sorted(await redis.keys()) == written


async def test_a_script_counts_as_a_call(redis: Any) -> None:
    """A registered script breaks like a command."""
    client = faulty_client(redis)
    script = client.register_script("return redis.call('SET', KEYS[1], '1')")
    await script(keys=["loaded"])
    with client.faults.at(1, after=True), pytest.raises(ConnectionBroken):
        await script(keys=["written"])
    assert await redis.exists("written")
