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
"""An async function; its parameters are injected (`bot.scheduler.runner`)."""


class TaskQueue(Protocol):
    """Takes tasks on; some worker runs each soon, whatever becomes of this one.

    `is_answering`: Redis has answered this worker's last looks for a task.
    """

    @property
    def is_answering(self) -> bool: ...

    async def put(self, task: str, key: str, /, **arguments: str | int | float) -> None:
        """Queue a task, unless one with this key is queued or running already.

        `arguments` travel as JSON, and lie in Redis in clear: ids and times, nothing secret.
        """


@dataclass(slots=True)
class TaskContext:
    """One run of a task: `failures` went before it, `reference` names it in the log.

    A task says whose business it is as soon as it knows, and in a few words what about: `owner` is
    told where it fails for good, after `on_give_up` was done in its place.
    """

    task: str
    failures: int
    reference: str
    owner: Caller | None = None
    subject: str = ""
    on_give_up: Callable[[], Awaitable[object]] | None = None


@dataclass(frozen=True, slots=True)
class ScheduledFunction:
    """A function and what is injected into it."""

    function: Function

    @property
    def parameters(self) -> tuple[str, ...]:
        return tuple(inspect.signature(self.function).parameters)


@dataclass(frozen=True, slots=True)
class PeriodicTask(ScheduledFunction):
    """Called every so many `seconds` in each worker: to find what is due, and queue it.

    It must be quick, and right however many workers do it at the same time.
    """

    name: str
    seconds: float
    while_stopped: bool = False
    """Also while the app is not installed in its workspace."""


@dataclass(frozen=True, slots=True)
class QueuedTask(ScheduledFunction):
    """Run once it was queued under this name; again where a worker died meanwhile.

    So what it does outside must be safe to begin anew.
    """

    name: str


def periodic(seconds: float, *, while_stopped: bool = False) -> Callable[[Function], PeriodicTask]:
    return lambda function: PeriodicTask(function, _task_name(function), seconds, while_stopped)


def task(name: str) -> Callable[[Function], QueuedTask]:
    return lambda function: QueuedTask(function, name)


def _task_name(function: Any) -> str:
    """`digests.find_due` of bot/tasks/digests.py."""
    return f"{function.__module__.rpartition('.')[2]}.{function.__name__}"


class TaskRegistry:
    """All ticks, and all tasks by name."""

    def __init__(self, called: Iterable[ScheduledFunction]) -> None:
        found = tuple(called)
        self.periodic = tuple(one for one in found if isinstance(one, PeriodicTask))
        self.queued = {one.name: one for one in found if isinstance(one, QueuedTask)}


def discover(package: ModuleType) -> TaskRegistry:
    """What the modules of a package, and of the packages in it, let the clock call."""
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
    """Keeps when each tick came last; however late it is asked, each comes once."""

    def __init__(self, ticks: Sequence[PeriodicTask]) -> None:
        self._next = dict.fromkeys(ticks, float("-inf"))

    def due(self, now: float) -> list[PeriodicTask]:
        """Those whose time has come; `now` in seconds of a clock that never goes back."""
        due = [tick for tick, at in self._next.items() if at <= now]
        self._next |= {tick: now + tick.seconds for tick in due}
        return due
