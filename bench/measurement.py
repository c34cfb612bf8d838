"""Measurements and figures: name, goal, values, and whether the goal is met.

A file of `bench.figures` contains one measurement, which may return several figures:

    @measures(help_rate_ratio=at_least(0.7))
    async def help_rate(environment: Environment) -> Rounds:
        ...
        return {"help_rate_ratio": [0.81, 0.79, 0.83]}
"""

from __future__ import annotations

import operator
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import TypeAlias

from bench.environment import Environment

Rounds: TypeAlias = Mapping[str, Sequence[float]]
"""The rounds of each figure by its name; the median counts."""

Measure: TypeAlias = Callable[[Environment], Awaitable[Rounds]]

_COMPARE = {"<=": operator.le, ">=": operator.ge}


@dataclass(frozen=True, slots=True)
class Goal:
    """A bound; `sign` is "<=" or ">=", or "-" for a figure without a goal."""

    sign: str
    bound: float = 0

    def met(self, value: float) -> bool:
        return self.sign == "-" or bool(_COMPARE[self.sign](value, self.bound))

    def __str__(self) -> str:
        return self.sign if self.sign == "-" else f"{self.sign}{self.bound:g}"


INFORMATION = Goal("-")
"""For a figure that is only printed."""


def at_most(bound: float) -> Goal:
    return Goal("<=", bound)


def at_least(bound: float) -> Goal:
    return Goal(">=", bound)


@dataclass(frozen=True, slots=True)
class Measurement:
    """A function that returns rounds, with the `goals` of its figures by name."""

    name: str
    goals: Mapping[str, Goal]
    measure: Measure


def measures(**goals: Goal) -> Callable[[Measure], Measurement]:
    """Declare a function as the measurement of these figures."""
    return lambda measure: Measurement(measure.__name__, goals, measure)


@dataclass(frozen=True, slots=True)
class Figure:
    """The value of a figure in each round, and in each round of a second measurement."""

    name: str
    goal: Goal
    rounds: Sequence[float]
    again: Sequence[float] = ()

    @property
    def values(self) -> list[float]:
        """The median of each measurement."""
        return [median(rounds) for rounds in (self.rounds, self.again) if rounds]

    @property
    def is_short(self) -> bool:
        """Whether each measurement missed the goal. NaN, the value without rounds, misses it."""
        return not any(self.goal.met(value) for value in self.values)

    @property
    def verdict(self) -> str:
        """ok; noise if only the second measurement reached the goal; short if none did."""
        if self.goal is INFORMATION:
            return "info"
        if self.is_short:
            return "short"
        return "noise" if self.again else "ok"

    def __str__(self) -> str:
        values = ",".join(f"{value:.3g}" for value in self.values)
        return f"{self.name} {values} {self.goal} {self.verdict}"

    def spread(self) -> str:
        """Return the rounds in their order."""
        return "    " + " ".join(f"{value:.3g}" for value in (*self.rounds, *self.again))


def figures(measurement: Measurement, rounds: Rounds) -> list[Figure]:
    """Return the figures of a measurement. Raises `KeyError` if one is missing."""
    return [Figure(name, goal, rounds[name]) for name, goal in measurement.goals.items()]


async def measure(measurement: Measurement, environment: Environment) -> list[Figure]:
    """Return the figures of a measurement, which runs once more if one of them is short.

    Only a figure that is short twice is a regression: the load of other programs changes.
    """
    found = figures(measurement, await measurement.measure(environment))
    if not any(figure.is_short for figure in found):
        return found
    again = await measurement.measure(environment)
    return [
        replace(figure, again=again[figure.name]) if figure.is_short else figure for figure in found
    ]
