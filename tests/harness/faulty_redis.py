"""A Redis client whose connection breaks at chosen calls, before or after the server ran them."""

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
        self._error: BaseException | None = None
        self._is_broken = False

    def break_all(self) -> None:
        """Break all round trips, before they are sent."""
        self._is_broken = True

    def repair(self) -> None:
        self._is_broken = False

    @contextmanager
    def at(self, call: int, *, after: bool, error: BaseException | None = None) -> Iterator[None]:
        """Break this round trip in the block, before it is sent or `after` the server has run it.

        `call` counts from 1. `error` is raised instead of a broken connection.
        """
        self.calls, self._breaks_at, self._after, self._error = 0, call, after, error
        try:
            yield
        finally:
            self._breaks_at = 0

    def before_call(self) -> None:
        self.calls += 1
        if self._is_broken:
            raise ConnectionBroken("cut before the call")
        if self.calls == self._breaks_at and not self._after:
            raise self._error or ConnectionBroken("cut before the call")

    def after_call(self) -> None:
        if self.calls == self._breaks_at and self._after:
            raise self._error or ConnectionBroken("cut after the call")


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
