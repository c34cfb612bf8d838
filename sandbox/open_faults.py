"""The faults to inject into a stand-in, each for a number of requests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import Field, replace
from typing import Any, ClassVar, Generic, Protocol, TypeVar


class RepeatedFault(Protocol):
    """A dataclass of faults; `times` is how often the fault is still to be injected."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    @property
    def times(self) -> int: ...


FaultType = TypeVar("FaultType", bound=RepeatedFault)


class OpenFaults(Generic[FaultType]):
    """Faults that have not been used up, oldest first."""

    def __init__(self) -> None:
        self._open: list[FaultType] = []

    def __len__(self) -> int:
        return len(self._open)

    def add(self, fault: FaultType) -> None:
        if fault.times > 0:
            self._open.append(fault)

    def clear(self) -> None:
        self._open.clear()

    def take_first(self, fits: Callable[[FaultType], bool]) -> FaultType | None:
        """Use up one occurrence of the oldest fault that fits and return it, or None."""
        for place, fault in enumerate(self._open):
            if fits(fault):
                left = replace(fault, times=fault.times - 1)
                self._open[place : place + 1] = [left] if left.times else []
                return fault
        return None
