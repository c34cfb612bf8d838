"""Background tasks: tracked, bounded by a fair queue, finished before the process ends."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Coroutine, Hashable
from contextvars import Context, copy_context
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar

from bot.errors import Busy

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class QueueLimits:
    """How much runs and waits at once, of all users together and of each one.

    `each_running` is well under `running`, so that one user's work does not keep the next user
    waiting.
    """

    running: int = 100
    waiting: int = 400
    each_running: int = 50
    each_waiting: int = 50


DEFAULT_QUEUE_LIMITS = QueueLimits()


class FairQueue(Generic[Item]):
    """Items wait in a queue for each user, and the users take turns.

    An item holds a place from `pop` to `release`. Unqueued work, from `start_unqueued` to
    `end_unqueued`, takes none, but counts for the limits on everything together.
    """

    def __init__(self, limits: QueueLimits) -> None:
        self._limits = limits
        self._queues: dict[Hashable, deque[Item]] = {}
        self._running: Counter[Hashable] = Counter()
        self._unqueued: Counter[Hashable] = Counter()
        self._ready: deque[Hashable] = deque()
        """Users with an item waiting and a place left, whose turn is next first."""

    @property
    def running(self) -> int:
        """How many places are taken."""
        return self._running.total()

    @property
    def waiting(self) -> int:
        return sum(map(len, self._queues.values()))

    def enqueue(self, user: Hashable, item: Item) -> None:
        """Let `item` wait for its turn; raises Busy where it may not even wait."""
        queue = self._queues.get(user, ())
        if not self._can_run(user, len(queue)) and not self._can_wait(len(queue)):
            raise Busy
        self._queues.setdefault(user, deque()).append(item)
        if not queue and self._has_place(user):
            self._ready.append(user)

    def pop(self) -> tuple[Hashable, Item] | None:
        """The next item and its user; None where none waits, or no place is free."""
        if not self._ready or self.running >= self._limits.running:
            return None
        user = self._ready.popleft()
        queue = self._queues[user]
        item = queue.popleft()
        self._running[user] += 1
        if not queue:
            del self._queues[user]
        elif self._has_place(user):
            self._ready.append(user)
        return user, item

    def release(self, user: Hashable) -> None:
        """Give up the place of an item of `user`'s."""
        had_place = self._has_place(user)
        _count_down(self._running, user)
        if not had_place and user in self._queues:
            self._ready.append(user)

    def start_unqueued(self, user: Hashable) -> None:
        """Begin without a place; raises Busy where too much is there already."""
        limits = self._limits
        theirs = self._running[user] + self._unqueued[user] + len(self._queues.get(user, ()))
        everything = self.running + self._unqueued.total() + self.waiting
        if everything >= limits.running + limits.waiting:
            raise Busy
        if theirs >= limits.each_running + limits.each_waiting:
            raise Busy
        self._unqueued[user] += 1

    def end_unqueued(self, user: Hashable) -> None:
        """End what came by `start_unqueued`."""
        _count_down(self._unqueued, user)

    def _can_run(self, user: Hashable, queued: int) -> bool:
        return not queued and self._has_place(user) and self.running < self._limits.running

    def _can_wait(self, queued: int) -> bool:
        return queued < self._limits.each_waiting and self.waiting < self._limits.waiting

    def _has_place(self, user: Hashable) -> bool:
        return self._running[user] < self._limits.each_running


def _count_down(counter: Counter[Hashable], user: Hashable) -> None:
    counter[user] -= 1
    if not counter[user]:
        del counter[user]


EXPLANATION_LIMITS = QueueLimits(running=50, waiting=0, each_running=5, each_waiting=0)
"""How many people are being told at the same time that something was not begun."""


@dataclass(frozen=True, slots=True)
class _BackgroundTask:
    """Something to do; `context` holds what the log says about the request that asked for it."""

    work: Callable[[], Coroutine[Any, Any, None]]
    context: Context


class BackgroundTasks:
    """The running tasks of this process, and those that wait for their turn."""

    def __init__(self, limits: QueueLimits = DEFAULT_QUEUE_LIMITS) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()
        self._queue: FairQueue[_BackgroundTask] = FairQueue(limits)
        self._explanations: FairQueue[_BackgroundTask] = FairQueue(EXPLANATION_LIMITS)

    @property
    def running(self) -> int:
        """How many tasks are not finished, the waiting ones included."""
        return len(self._tasks) + self._queue.waiting

    def start(
        self,
        user: Hashable,
        work: Callable[[], Coroutine[Any, Any, None]],
        *,
        at_once: bool = False,
    ) -> None:
        """Do something for `user` when its turn comes; raises Busy, and then nothing is begun.

        `at_once` is for what cannot wait, as a modal's trigger.
        """
        job = _BackgroundTask(work, copy_context())
        if at_once:
            self._queue.start_unqueued(user)
            self._begin(job).add_done_callback(lambda _: self._queue.end_unqueued(user))
        else:
            self._queue.enqueue(user, job)
            self._start_waiting()

    def start_explanation(
        self, user: Hashable, work: Callable[[], Coroutine[Any, Any, None]]
    ) -> None:
        """Say at once why something was not begun, also when there is too much to do.

        Bounded by itself; raises Busy.
        """
        self._explanations.start_unqueued(user)
        job = _BackgroundTask(work, copy_context())
        self._begin(job).add_done_callback(lambda _: self._explanations.end_unqueued(user))

    async def drain(self, seconds: float) -> int:
        """Wait for all that runs and waits, but not longer; how many are still unfinished."""
        ends = asyncio.get_running_loop().time() + seconds
        while self._tasks and (left := ends - asyncio.get_running_loop().time()) > 0:
            # A task that ends starts a waiting one, so `_tasks` may still grow.
            await asyncio.wait(set(self._tasks), timeout=left, return_when=asyncio.FIRST_COMPLETED)
        return self.running

    def _start_waiting(self) -> None:
        while turn := self._queue.pop():
            user, job = turn
            self._begin(job).add_done_callback(partial(self._ended, user))

    def _ended(self, user: Hashable, _: asyncio.Task[Any]) -> None:
        self._queue.release(user)
        self._start_waiting()

    def _begin(self, job: _BackgroundTask) -> asyncio.Task[Any]:
        return self._tracked(asyncio.create_task(job.work(), context=job.context))

    def _tracked(self, task: asyncio.Task[Any]) -> asyncio.Task[Any]:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
