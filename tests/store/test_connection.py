"""Redis is reached at every form of address, and errors are reported quickly."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from redis.asyncio.sentinel import SentinelConnectionPool

from bot.errors import StoreUnavailable
from bot.store.connection import connect, translate_redis_errors
from tests.harness.silent_server import silent_server


async def test_a_missing_server_raises_store_unavailable(tmp_path: Path) -> None:
    """A missing server raises the app's own error."""
    redis = connect(f"unix://{tmp_path}/nobody.sock")
    with pytest.raises(StoreUnavailable), translate_redis_errors():
        await redis.ping()
    await redis.aclose()


async def test_a_silent_server_is_given_up_within_a_second(tmp_path: Path) -> None:
    """A server that accepts connections but doesn't answer causes a timeout."""
    async with silent_server(tmp_path) as url:
        redis = connect(url)
        begun = time.monotonic()
        with pytest.raises(StoreUnavailable), translate_redis_errors():
            await redis.get("key")
        assert 0.5 < time.monotonic() - begun < 3
        await redis.aclose()


@pytest.mark.parametrize("url", ["redis://localhost:1/0", "rediss://user:pass@localhost:1/2"])
def test_accepts_plain_and_tls_addresses(url: str) -> None:
    """The usual addresses create a client without connecting."""
    assert connect(url).connection_pool


def test_parses_a_sentinel_address() -> None:
    """Sentinels, service, login and database are read from the address."""
    redis = connect("redis+sentinel://app:p%40ss@one:26379,two/orders/3?sentinel_password=s")
    pool = redis.connection_pool
    assert isinstance(pool, SentinelConnectionPool)
    assert pool.service_name == "orders"
    assert pool.connection_kwargs["db"] == 3
    assert pool.connection_kwargs["username"] == "app"
    assert pool.connection_kwargs["password"] == "p@ss"
    reached = [s.connection_pool.connection_kwargs for s in pool.sentinel_manager.sentinels]
    assert [(r["host"], r["port"]) for r in reached] == [("one", 26379), ("two", 26379)]
    assert reached[0]["password"] == "s"


@pytest.mark.parametrize("url", ["redis+sentinel://one:26379", "redis+sentinel:///service"])
def test_an_incomplete_sentinel_address_is_refused(url: str) -> None:
    """An incomplete Sentinel URL is rejected with the expected form."""
    with pytest.raises(ValueError, match="Sentinel URL is redis"):
        connect(url)
