"""Background tasks: tracked, limited by a fair queue, and finished before the process exits."""

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
    """The maximum numbers of running and waiting tasks, in total and per user.

    `each_running` is well below `running`, so that one user's tasks can't delay those of others.
    """

    running: int = 100
    waiting: int = 400
    each_running: int = 50
    each_waiting: int = 50


DEFAULT_QUEUE_LIMITS = QueueLimits()


class FairQueue(Generic[Item]):
    """A queue per user; users are served in turn.

    An item occupies a slot from `pop` to `release`. Unqueued work, from `start_unqueued` to
    `end_unqueued`, occupies no slot but counts toward the total limits.
    """

    def __init__(self, limits: QueueLimits) -> None:
        self._limits = limits
        self._queues: dict[Hashable, deque[Item]] = {}
        self._running: Counter[Hashable] = Counter()
        self._unqueued: Counter[Hashable] = Counter()
        self._ready: deque[Hashable] = deque()
        """Users with a waiting item and a free slot, in the order in which they are served."""

    @property
    def running(self) -> int:
        """The number of occupied slots."""
        return self._running.total()

    @property
    def waiting(self) -> int:
        return sum(map(len, self._queues.values()))

    def enqueue(self, user: Hashable, item: Item) -> None:
        """Add an item to the user's queue; raises Busy if the queue is full."""
        queue = self._queues.get(user, ())
        if not self._can_run(user, len(queue)) and not self._can_wait(len(queue)):
            raise Busy
        self._queues.setdefault(user, deque()).append(item)
        if not queue and self._has_place(user):
            self._ready.append(user)

    def pop(self) -> tuple[Hashable, Item] | None:
        """The next item and its user; None if no item is waiting or no slot is free."""
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
        """Free the slot of an item of this user."""
        had_place = self._has_place(user)
        _count_down(self._running, user)
        if not had_place and user in self._queues:
            self._ready.append(user)

    def start_unqueued(self, user: Hashable) -> None:
        """Start work without a slot; raises Busy if the total limits are reached."""
        limits = self._limits
        theirs = self._running[user] + self._unqueued[user] + len(self._queues.get(user, ()))
        everything = self.running + self._unqueued.total() + self.waiting
        if everything >= limits.running + limits.waiting:
            raise Busy
        if theirs >= limits.each_running + limits.each_waiting:
            raise Busy
        self._unqueued[user] += 1

    def end_unqueued(self, user: Hashable) -> None:
        """End work that began with `start_unqueued`."""
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
"""Limits for tasks that tell users that the app is busy."""


@dataclass(frozen=True, slots=True)
class _BackgroundTask:
    """Work, and its context with the log fields of the request that started it."""

    work: Callable[[], Coroutine[Any, Any, None]]
    context: Context


class BackgroundTasks:
    """The running and waiting tasks of this process."""

    def __init__(self, limits: QueueLimits = DEFAULT_QUEUE_LIMITS) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()
        self._queue: FairQueue[_BackgroundTask] = FairQueue(limits)
        self._explanations: FairQueue[_BackgroundTask] = FairQueue(EXPLANATION_LIMITS)

    @property
    def running(self) -> int:
        """The number of unfinished tasks, including waiting ones."""
        return len(self._tasks) + self._queue.waiting

    @property
    def waiting(self) -> int:
        return self._queue.waiting

    def start(
        self,
        user: Hashable,
        work: Callable[[], Coroutine[Any, Any, None]],
        *,
        at_once: bool = False,
    ) -> None:
        """Run `work` as soon as the queue allows; raises Busy if it is neither run nor queued.

        `at_once` skips the queue, for work that can't wait, such as using a modal's trigger.
        """
        job = _BackgroundTask(work, copy_context())
        if at_once:
            self._queue.start_unqueued(user)
            self._create_task(job).add_done_callback(lambda _: self._queue.end_unqueued(user))
        else:
            self._queue.enqueue(user, job)
            self._start_waiting()

    def start_explanation(
        self, user: Hashable, work: Callable[[], Coroutine[Any, Any, None]]
    ) -> None:
        """Run `work` at once to tell the user why nothing was started, even if the app is busy.

        Explanations have their own limits; raises Busy if these are reached.
        """
        self._explanations.start_unqueued(user)
        job = _BackgroundTask(work, copy_context())
        self._create_task(job).add_done_callback(lambda _: self._explanations.end_unqueued(user))

    async def drain(self, seconds: float) -> int:
        """Wait up to `seconds` for all tasks; returns the number of unfinished ones."""
        ends = asyncio.get_running_loop().time() + seconds
        while self._tasks and (left := ends - asyncio.get_running_loop().time()) > 0:
            # A task that ends starts a waiting one, so `_tasks` may still grow.
            await asyncio.wait(set(self._tasks), timeout=left, return_when=asyncio.FIRST_COMPLETED)
        return self.running

    def _start_waiting(self) -> None:
        while turn := self._queue.pop():
            user, job = turn
            self._create_task(job).add_done_callback(partial(self._on_task_end, user))

    def _on_task_end(self, user: Hashable, _: asyncio.Task[Any]) -> None:
        self._queue.release(user)
        self._start_waiting()

    def _create_task(self, job: _BackgroundTask) -> asyncio.Task[Any]:
        return self._run_tracked(asyncio.create_task(job.work(), context=job.context))

    def _run_tracked(self, task: asyncio.Task[Any]) -> asyncio.Task[Any]:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
