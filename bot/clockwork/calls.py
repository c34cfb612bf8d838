"""What the clock calls: a tick that comes again and again, and a task that somebody has queued."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from bot.later import Later as Later
from bot.models import Caller

Function: TypeAlias = Callable[..., Awaitable[None]]
"""An async function; its parameters are injected (`bot.clockwork.runner`)."""


class Queues(Protocol):
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
class Errand:
    """One run of a task: `failures` went before it, `reference` names it in the log.

    A task says whose business it is as soon as it knows, and in a few words what about: `owner` is
    told where it fails for good, after `otherwise` was done in its place.
    """

    task: str
    failures: int
    reference: str
    owner: Caller | None = None
    about: str = ""
    otherwise: Callable[[], Awaitable[object]] | None = None


@dataclass(frozen=True, slots=True)
class Called:
    """A function and what is injected into it."""

    function: Function

    @property
    def parameters(self) -> tuple[str, ...]:
        return tuple(inspect.signature(self.function).parameters)


@dataclass(frozen=True, slots=True)
class Tick(Called):
    """Called every so many `seconds` in each worker: to find what is due, and queue it.

    It must be quick, and right however many workers do it at the same time.
    """

    name: str
    seconds: float
    while_stopped: bool = False
    """Also while the app is not installed in its workspace."""


@dataclass(frozen=True, slots=True)
class Task(Called):
    """Run once it was queued under this name; again where a worker died meanwhile.

    So what it does outside must be safe to begin anew.
    """

    name: str


def every(seconds: float, *, while_stopped: bool = False) -> Callable[[Function], Tick]:
    return lambda function: Tick(function, _address(function), seconds, while_stopped)


def task(name: str) -> Callable[[Function], Task]:
    return lambda function: Task(function, name)


def _address(function: Any) -> str:
    """`digests.find_due` of bot/tasks/digests.py."""
    return f"{function.__module__.rpartition('.')[2]}.{function.__name__}"
