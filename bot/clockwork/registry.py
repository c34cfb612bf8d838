"""What the clock calls when: found in the package of the tasks, listed nowhere else."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable, Iterator
from types import ModuleType

from bot.clockwork.calls import Called, Task, Tick


class Calls:
    """All ticks, and all tasks by name."""

    def __init__(self, called: Iterable[Called]) -> None:
        found = tuple(called)
        self.ticks = tuple(one for one in found if isinstance(one, Tick))
        self.tasks = {one.name: one for one in found if isinstance(one, Task)}


def discover(package: ModuleType) -> Calls:
    """What the modules of a package, and of the packages in it, let the clock call."""
    return Calls(
        value
        for module in _modules(package)
        for value in vars(module).values()
        if isinstance(value, Called)
    )


def _modules(package: ModuleType) -> Iterator[ModuleType]:
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        yield importlib.import_module(found.name)
