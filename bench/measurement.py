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
from dataclasses import dataclass
from statistics import median
from typing import TypeAlias

from bench.environment import Environment

Rounds: TypeAlias = Mapping[str, Sequence[float]]
"""The rounds of each figure by its name; the median counts."""

Measure: TypeAlias = Callable[[Environment], Awaitable[Rounds]]

_COMPARE = {"<=": operator.le, ">=": operator.ge}


@dataclass(frozen=True, slots=True)
class Goal:
    """A bound; `sign` is "<=" or ">="."""

    sign: str
    bound: float

    def met(self, value: float) -> bool:
        return bool(_COMPARE[self.sign](value, self.bound))

    def __str__(self) -> str:
        return f"{self.sign}{self.bound:g}"


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
    """The value of a figure in each round."""

    name: str
    goal: Goal
    rounds: Sequence[float]

    @property
    def value(self) -> float:
        return median(self.rounds)

    @property
    def is_short(self) -> bool:
        """Whether the goal is missed. NaN, the value without measurements, misses every goal."""
        return not self.goal.met(self.value)

    def __str__(self) -> str:
        return f"{self.name} {self.value:.3g} {self.goal} {'short' if self.is_short else 'ok'}"

    def spread(self) -> str:
        """Return the rounds in their order."""
        return "    " + " ".join(f"{value:.3g}" for value in self.rounds)


def figures(measurement: Measurement, rounds: Rounds) -> list[Figure]:
    """Return the figures of a measurement. Raises `KeyError` if one is missing."""
    return [Figure(name, goal, rounds[name]) for name, goal in measurement.goals.items()]
