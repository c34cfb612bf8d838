"""A process that can be stopped and started while everything else goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack


class Switch:
    """`start` makes the process, and ends it when it is left. Off at first."""

    def __init__(self, start: Callable[[], AbstractAsyncContextManager[object]]) -> None:
        self._start = start
        self._running: AsyncExitStack | None = None
        self._turning = asyncio.Lock()

    @property
    def is_on(self) -> bool:
        return self._running is not None

    async def turn(self, on: bool) -> None:
        """Returns when the process has been started, or has ended."""
        async with self._turning:
            if on and self._running is None:
                running = AsyncExitStack()
                await running.enter_async_context(self._start())
                self._running = running
            elif not on and self._running is not None:
                running, self._running = self._running, None
                await running.aclose()
