"""Decorators for periodic and queued tasks, and the registry that finds them in `bot.tasks`."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Protocol, TypeAlias

from bot.domain.accounts import Caller

Function: TypeAlias = Callable[..., Awaitable[None]]
"""An async function whose parameters are injected by name (`bot.scheduler.runner`)."""


class TaskQueue(Protocol):
    """Accepts tasks, which any worker may run shortly afterwards.

    `is_answering` is True if Redis answered this worker's recent reads of the queue.
    """

    @property
    def is_answering(self) -> bool: ...

    async def put(self, task: str, key: str, /, **arguments: str | int | float) -> None:
        """Queue a task, unless one with this key is already queued or running.

        `arguments` are stored in Redis as unencrypted JSON: pass ids and times, never secrets.
        """


@dataclass(slots=True)
class TaskContext:
    """One run of a task, after `failures` failed runs; `reference` identifies it in the log.

    A task sets `owner` and `subject` as soon as it knows them: if it fails permanently,
    `on_give_up` runs, and the owner gets a message about the subject.
    """

    task: str
    failures: int
    reference: str
    owner: Caller | None = None
    subject: str = ""
    on_give_up: Callable[[], Awaitable[object]] | None = None


@dataclass(frozen=True, slots=True)
class ScheduledFunction:
    """A function with injected parameters."""

    function: Function

    @property
    def parameters(self) -> tuple[str, ...]:
        return tuple(inspect.signature(self.function).parameters)


@dataclass(frozen=True, slots=True)
class PeriodicTask(ScheduledFunction):
    """Called every `seconds` in each worker, usually to queue due work.

    It must be quick, and safe to run concurrently in several workers.
    """

    name: str
    seconds: float
    while_stopped: bool = False
    """Also run it while the app isn't installed in its workspace."""


@dataclass(frozen=True, slots=True)
class QueuedTask(ScheduledFunction):
    """A task queued by name; it runs again if its worker dies, so it must be idempotent."""

    name: str


def periodic(seconds: float, *, while_stopped: bool = False) -> Callable[[Function], PeriodicTask]:
    return lambda function: PeriodicTask(function, _task_name(function), seconds, while_stopped)


def task(function: Function) -> QueuedTask:
    return QueuedTask(function, _task_name(function))


def _task_name(function: Any) -> str:
    """The name of a task, such as `digests.post` for `post` in bot/tasks/digests.py."""
    return f"{function.__module__.rpartition('.')[2]}.{function.__name__}"


class TaskRegistry:
    """All periodic tasks, and the queued tasks by name."""

    def __init__(self, called: Iterable[ScheduledFunction]) -> None:
        found = tuple(called)
        self.periodic = tuple(one for one in found if isinstance(one, PeriodicTask))
        self.queued = {one.name: one for one in found if isinstance(one, QueuedTask)}


def discover(package: ModuleType) -> TaskRegistry:
    """Find the tasks in all modules of a package and its subpackages."""
    return TaskRegistry(
        value
        for module in _modules(package)
        for value in vars(module).values()
        if isinstance(value, ScheduledFunction)
    )


def _modules(package: ModuleType) -> Iterator[ModuleType]:
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        yield importlib.import_module(found.name)


class PeriodicTimer:
    """Determines which periodic tasks are due; a late task runs only once."""

    def __init__(self, tasks: Sequence[PeriodicTask]) -> None:
        self._next = dict.fromkeys(tasks, float("-inf"))

    def due(self, now: float) -> list[PeriodicTask]:
        """Return the due tasks; `now` is in seconds by a monotonic clock."""
        due = [task for task, at in self._next.items() if at <= now]
        self._next |= {task: now + task.seconds for task in due}
        return due
