"""What takes time: tracked tasks, bounded in number, finished before the process ends."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

AT_ONCE = 50
WAITING = 450


class Work:
    """The running tasks of this process.

    `at_once` run, `waiting` more wait their turn; beyond that `is_full` says so, and callers answer
    "busy" instead of starting more.
    """

    def __init__(self, at_once: int = AT_ONCE, waiting: int = WAITING) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()
        self._turns = asyncio.Semaphore(at_once)
        self._limit = at_once + waiting

    @property
    def running(self) -> int:
        """How many tasks are not finished, the waiting ones included."""
        return len(self._tasks)

    @property
    def is_full(self) -> bool:
        return len(self._tasks) >= self._limit

    def start(self, doing: Coroutine[Any, Any, None], *, at_once: bool = False) -> None:
        """Run `doing` when its turn comes; `at_once` for what cannot wait, as a modal's trigger."""
        self.track(doing if at_once else self._in_turn(doing))

    def track(self, doing: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run `doing` now, and let `drain` wait for it."""
        task = asyncio.create_task(doing)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def drain(self, seconds: float) -> int:
        """Wait for all that runs, but not longer; how many are still unfinished."""
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=seconds)
        return len(self._tasks)

    async def _in_turn(self, doing: Coroutine[Any, Any, None]) -> None:
        async with self._turns:
            await doing
