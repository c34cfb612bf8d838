"""Runs calls concurrently, and shares one call between concurrent callers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Hashable, Iterable
from typing import Any, Generic, TypeVar

from cachetools import TLRUCache

from bot.domain.times import Clock

Result = TypeVar("Result")


async def gather_all(*calls: Awaitable[Any]) -> list[Any]:
    """Return all results in order; raises the first error after all calls have ended.

    `asyncio.gather` would raise it at once and leave the other calls running, with connections that
    are never closed.
    """
    results = await asyncio.gather(*calls, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return results


async def cancel_all(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel tasks and wait until they have ended."""
    ending = list(tasks)
    for task in ending:
        task.cancel()
    await asyncio.gather(*ending, return_exceptions=True)


class SingleFlight(Generic[Result]):
    """Runs one call at a time for each key, shares it between callers, and can cache its result.

    Cancelling a caller does not cancel the call. Errors are not cached.
    """

    def __init__(
        self,
        clock: Clock,
        seconds: Callable[[Result], float] = lambda _: 0.0,
        most: int = 300,
    ) -> None:
        """Cache at most `most` results, each for `seconds(result)`; by default, cache nothing."""
        self._running: dict[Hashable, asyncio.Task[Result]] = {}
        self._cached: TLRUCache[Hashable, Result] = TLRUCache(
            most, lambda _, result, now: now + seconds(result), clock
        )

    def cached(self, key: Hashable) -> Result | None:
        """The cached result, or None."""
        return self._cached.get(key)

    def running(self, key: Hashable) -> asyncio.Task[Result] | None:
        """The running call, or None. Do not cancel it."""
        return self._running.get(key)

    def __len__(self) -> int:
        """The number of running calls."""
        return len(self._running)

    def start(
        self, key: Hashable, call: Callable[[], Coroutine[Any, Any, Result]]
    ) -> asyncio.Task[Result]:
        """Return the running call for this key, or start one."""
        if (task := self._running.get(key)) is None:
            task = self._running[key] = asyncio.create_task(call())
            task.add_done_callback(lambda ended: self._end(key, ended))
        return task

    async def get(self, key: Hashable, call: Callable[[], Coroutine[Any, Any, Result]]) -> Result:
        """Return the cached result, or else the result of the call; raises the call's errors."""
        if (result := self.cached(key)) is not None:
            return result
        return await asyncio.shield(self.start(key, call))

    async def close(self) -> None:
        """Cancel all running calls."""
        await cancel_all(self._running.values())

    def _end(self, key: Hashable, task: asyncio.Task[Result]) -> None:
        del self._running[key]
        if not task.cancelled() and task.exception() is None:
            self._cached[key] = task.result()
