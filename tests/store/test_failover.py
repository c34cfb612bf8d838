"""A Redis host that vanishes or is demoted costs one command at most, not one per connection."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from redis.exceptions import TimeoutError as TookTooLong

from bot.errors import StoreUnavailable
from bot.store.connection import connect, connect_for_queue, translate_redis_errors
from sandbox.redis_server import redis_server
from tests.harness.redis_proxy import Proxy, proxied

MANY = 40


@pytest.fixture
async def proxy(redis: Any, redis_url: str) -> AsyncIterator[Proxy]:
    """A proxy in front of the test's Redis, which is empty."""
    async with proxied(redis_url) as found:
        yield found


@pytest.fixture
def other_url(tmp_path: Path) -> Iterator[str]:
    """A second Redis server."""
    with redis_server(tmp_path) as url:
        yield url


async def at_once(client: Any, call: str, *args: Any) -> list[Any]:
    """MANY concurrent commands, each on its own connection."""
    calls = (getattr(client, call)(*args) for _ in range(MANY))
    return await asyncio.gather(*calls, return_exceptions=True)


@pytest.mark.parametrize("connecting", [connect, connect_for_queue])
async def test_a_silent_host_costs_one_command(proxy: Proxy, connecting: Any) -> None:
    """After one timeout, no pooled connection to that host is used again."""
    client = connecting(proxy.url)
    await at_once(client, "blpop", "nothing", 0.1)  # each keeps its connection for a while
    assert proxy.opened >= MANY
    proxy.vanish()
    with pytest.raises(TookTooLong):
        await client.ping()
    assert await at_once(client, "ping") == [True] * MANY
    await client.aclose()


async def test_a_demoted_server_is_left(proxy: Proxy, redis: Any, other_url: str) -> None:
    """A write rejected by a replica is retried on a new connection."""
    client = connect(proxy.url)
    await at_once(client, "blpop", "nothing", 0.1)
    other = connect(other_url)
    async with AsyncExitStack() as after:
        after.push_async_callback(other.aclose)
        after.push_async_callback(client.aclose)
        after.push_async_callback(redis.replicaof, "NO", "ONE")
        await redis.replicaof("127.0.0.1", 1)
        proxy.target = other_url
        assert await client.set("key", "1") is True
        assert sorted(await at_once(client, "incr", "key")) == list(range(2, MANY + 2))
        assert await other.get("key") == str(MANY + 1)


INCREASE = "return redis.call('INCR', KEYS[1])"


async def by_script(client: Any) -> list[Any]:
    return [await client.register_script(INCREASE)(keys=["key"])]


async def by_pipeline(client: Any, transaction: bool = False) -> list[Any]:
    async with client.pipeline(transaction=transaction) as pipe:
        pipe.get("key")
        pipe.incr("key")
        return list(await pipe.execute())


async def by_transaction(client: Any) -> list[Any]:
    return await by_pipeline(client, transaction=True)


@pytest.mark.parametrize("write", [by_script, by_pipeline, by_transaction])
async def test_scripts_and_pipelines_leave_it_too(
    proxy: Proxy, redis: Any, other_url: str, write: Any
) -> None:
    """Rejections in a script or a pipeline are handled the same way."""
    client = connect(proxy.url)
    await client.script_load(INCREASE)
    async with AsyncExitStack() as after:
        after.push_async_callback(client.aclose)
        after.push_async_callback(redis.replicaof, "NO", "ONE")
        await redis.replicaof("127.0.0.1", 1)
        proxy.target = other_url
        assert (await write(client))[-1] == 1


async def test_reports_that_every_server_is_a_replica(redis: Any, redis_url: str) -> None:
    """If the new connection is to a replica too, the error has its code."""
    client = connect(redis_url)
    await by_script(client)
    await redis.replicaof("127.0.0.1", 1)
    try:
        for call in (client.set("key", "1"), by_script(client)):
            with pytest.raises(StoreUnavailable) as error, translate_redis_errors():
                await call
            assert str(error.value) == "READONLY"
    finally:
        await redis.replicaof("NO", "ONE")
        await client.aclose()


@pytest.mark.parametrize("connecting", [connect, connect_for_queue])
def test_every_connection_has_limits(connecting: Any) -> None:
    """Each socket has a timeout, and the kernel probes idle ones."""
    for url in ("redis://h/0", "rediss://h/0", "redis+sentinel://h/s", "rediss+sentinel://h/s"):
        pool = connecting(url).connection_pool
        managers = getattr(pool, "sentinel_manager", None)
        pools = [pool, *(one.connection_pool for one in getattr(managers, "sentinels", ()))]
        for options in (found.connection_kwargs for found in pools):
            assert 0 < options["socket_connect_timeout"] <= options["socket_timeout"] <= 5
            assert options["socket_keepalive"]
            assert 0 < options["socket_keepalive_options"][socket.TCP_KEEPIDLE] <= 10
    assert connecting("unix:///path").connection_pool.connection_kwargs["socket_timeout"]
