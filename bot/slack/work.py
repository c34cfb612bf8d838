"""What takes time: tracked tasks, bounded in number, finished before the process ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from contextvars import Context, copy_context
from dataclasses import dataclass
from functools import partial
from typing import Any

from bot.slack.turns import LIMITS, Limits, Turns

EXPLANATIONS = Limits(running=50, waiting=0, each_running=5, each_waiting=0)
"""How many people are being told at the same time that something was not begun."""


@dataclass(frozen=True, slots=True)
class Job:
    """Something to do; `context` holds what the log says about the request that asked for it."""

    doing: Callable[[], Coroutine[Any, Any, None]]
    context: Context


class Work:
    """The running tasks of this process, and those that wait for their turn."""

    def __init__(self, limits: Limits = LIMITS) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()
        self._turns: Turns[Job] = Turns(limits)
        self._explanations: Turns[Job] = Turns(EXPLANATIONS)

    @property
    def running(self) -> int:
        """How many tasks are not finished, the waiting ones included."""
        return len(self._tasks) + self._turns.waiting

    def start(
        self,
        user: Hashable,
        doing: Callable[[], Coroutine[Any, Any, None]],
        *,
        at_once: bool = False,
    ) -> None:
        """Do something for `user` when its turn comes; raises Busy, and then nothing is begun.

        `at_once` is for what cannot wait, as a modal's trigger.
        """
        job = Job(doing, copy_context())
        if at_once:
            self._turns.enter(user)
            self._begin(job).add_done_callback(lambda _: self._turns.exit(user))
        else:
            self._turns.join(user, job)
            self._begin_those_whose_turn_it_is()

    def explain(self, user: Hashable, doing: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Say at once why something was not begun, also when there is too much to do.

        Bounded by itself; raises Busy.
        """
        self._explanations.enter(user)
        job = Job(doing, copy_context())
        self._begin(job).add_done_callback(lambda _: self._explanations.exit(user))

    async def drain(self, seconds: float) -> int:
        """Wait for all that runs and waits, but not longer; how many are still unfinished."""
        ends = asyncio.get_running_loop().time() + seconds
        while self._tasks and (left := ends - asyncio.get_running_loop().time()) > 0:
            # Whoever ends lets another begin, so not all that there will be is there yet.
            await asyncio.wait(set(self._tasks), timeout=left, return_when=asyncio.FIRST_COMPLETED)
        return self.running

    def _begin_those_whose_turn_it_is(self) -> None:
        while turn := self._turns.next():
            user, job = turn
            self._begin(job).add_done_callback(partial(self._ended, user))

    def _ended(self, user: Hashable, _: asyncio.Task[Any]) -> None:
        self._turns.leave(user)
        self._begin_those_whose_turn_it_is()

    def _begin(self, job: Job) -> asyncio.Task[Any]:
        return self._tracked(asyncio.create_task(job.doing(), context=job.context))

    def _tracked(self, task: asyncio.Task[Any]) -> asyncio.Task[Any]:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
