"""A Redis client whose connection breaks at a chosen call, before or after the server ran it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.client import Pipeline
from redis.exceptions import ConnectionError as ConnectionBroken


class Faults:
    """Counts round trips to Redis, from 1, and breaks one of them."""

    def __init__(self) -> None:
        self.calls = 0
        self._breaks_at, self._after = 0, False

    @contextmanager
    def at(self, call: int, *, after: bool) -> Iterator[None]:
        """Break this round trip in the block, before it is sent or `after` the server has run it.

        `call` counts from 1.
        """
        self.calls, self._breaks_at, self._after = 0, call, after
        try:
            yield
        finally:
            self._breaks_at = 0

    def before_call(self) -> None:
        self.calls += 1
        if self.calls == self._breaks_at and not self._after:
            raise ConnectionBroken("cut before the call")

    def after_call(self) -> None:
        if self.calls == self._breaks_at and self._after:
            raise ConnectionBroken("cut after the call")


class FaultyRedis(Redis):
    """A client for tests. `faults` decides which round trip fails."""

    def __init__(self, *args: Any, faults: Faults, **options: Any) -> None:
        super().__init__(*args, **options)
        self.faults = faults

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        self.faults.before_call()
        answer = await super().execute_command(*args, **options)  # type: ignore[no-untyped-call]
        self.faults.after_call()
        return answer

    def pipeline(self, transaction: bool = True, shard_hint: str | None = None) -> Pipeline:
        return FaultyPipeline(
            self.connection_pool, self.response_callbacks, transaction, shard_hint, self.faults
        )


class FaultyPipeline(Pipeline):
    """One round trip for any number of commands."""

    def __init__(self, *args: Any) -> None:
        *rest, self._faults = args
        super().__init__(*rest)

    async def execute(self, raise_on_error: bool = True) -> list[Any]:
        self._faults.before_call()
        answer = await super().execute(raise_on_error)
        self._faults.after_call()
        return answer


def faulty_client(redis: Redis) -> FaultyRedis:
    """Return a client of the same server as `redis`, with the same connection pool."""
    return FaultyRedis(connection_pool=redis.connection_pool, faults=Faults())
