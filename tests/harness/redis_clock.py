"""A Redis client whose scripts read a test's clock instead of the server's TIME."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from redis.asyncio import Redis

from bot.store.connection import Commands, connect
from bot.store.encryption import Canary

CLOCK = Callable[[], float]
SERVER_TIME = "redis.call('TIME')"


class ClockedRedis(Redis):
    """A client for tests. Scripts use `clock` as the time of Redis."""

    def __init__(self, *args: Any, clock: CLOCK, **options: Any) -> None:
        super().__init__(*args, **options)
        self.clock = clock

    def register_script(self, script: Any) -> Any:
        if SERVER_TIME not in script:
            return super().register_script(script)
        # The time is appended to the script's arguments.
        given = script.replace(SERVER_TIME, "{ARGV[#ARGV - 1], ARGV[#ARGV]}")
        registered = super().register_script(given)

        async def run(keys: Sequence[str], args: Sequence[Any] = (), client: Any = None) -> Any:
            seconds, micros = divmod(round(self.clock() * 1_000_000), 1_000_000)
            return await registered(keys=keys, args=[*args, seconds, micros], client=client)

        return run


def clocked(redis: Commands, clock: CLOCK) -> ClockedRedis:
    """Return a client of the same server as `redis`, with the same connection pool."""
    return ClockedRedis(connection_pool=redis.connection_pool, clock=clock)


def clocked_connect(clock: CLOCK) -> Callable[[str, Canary], Commands]:
    """Return a `bot.store.connection.connect` whose scripts use this clock."""

    def connect_clocked(url: str, canary: Canary) -> Commands:
        return _with_clock(connect(url, canary), clock)

    return connect_clocked


def _with_clock(redis: Any, clock: CLOCK) -> ClockedRedis:
    client = clocked(redis, clock)
    client.auto_close_connection_pool = True
    return client
