"""A figure is compared with its goal and printed as a machine-readable line."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pytest

from bench.environment import Environment
from bench.measurement import (
    INFORMATION,
    Figure,
    Goal,
    Measurement,
    Rounds,
    at_least,
    at_most,
    figures,
    measure,
    measures,
)

NO_ENVIRONMENT: Any = None


@measures(quick_ratio=at_most(0.5), many_rate=at_least(3))
async def two_figures(environment: Environment) -> Rounds:
    return {"many_rate": [2.0], "quick_ratio": [0.1]}


@pytest.mark.parametrize(
    ("goal", "value", "is_short"),
    [
        (at_most(0.15), 0.15, False),
        (at_most(0.15), 0.1501, True),
        (at_least(0.7), 0.7, False),
        (at_least(0.7), 0.69, True),
        (at_most(0), 0, False),
        (at_most(1), math.nan, True),
        (at_least(1), math.nan, True),
    ],
)
def test_the_goal_itself_is_reached(goal: Goal, value: float, is_short: bool) -> None:
    """A value equal to the bound meets the goal, and NaN misses it."""
    assert Figure("name", goal, [value]).is_short is is_short


@pytest.mark.parametrize(
    ("figure", "line"),
    [
        (Figure("ack_p50_ratio", at_most(0.15), [0.0931]), "ack_p50_ratio 0.0931 <=0.15 ok"),
        (Figure("help_rate_ratio", at_least(0.7), [0.44444]), "help_rate_ratio 0.444 >=0.7 short"),
        (Figure("burst_lost", at_most(0), [0]), "burst_lost 0 <=0 ok"),
        (Figure("rate", at_least(3), [2], [4]), "rate 2,4 >=3 noise"),
        (Figure("rate", at_least(3), [2], [2.9]), "rate 2,2.9 >=3 short"),
        (Figure("bare_ratio", INFORMATION, [0.189]), "bare_ratio 0.189 - info"),
    ],
)
def test_a_figure_is_one_line(figure: Figure, line: str) -> None:
    """A figure is a line of four words: name, value, goal and verdict."""
    assert str(figure) == line
    assert len(line.split()) == 4


@pytest.mark.parametrize(("rounds", "value"), [([9, 1, 2], 2), ([4, 1, 2, 3], 2.5)])
def test_the_median_counts(rounds: Sequence[float], value: float) -> None:
    """A single disturbed round doesn't change the figure."""
    figure = Figure("name", at_most(3), rounds)
    assert figure.values == [value]
    assert figure.spread().split() == [f"{given:g}" for given in rounds]


def test_each_goal_needs_its_figure() -> None:
    """Figures come in the order of their goals, and a missing one raises an error."""
    given = {"many_rate": [2.0], "quick_ratio": [0.1]}
    assert isinstance(two_figures, Measurement)
    assert list(map(str, figures(two_figures, given))) == [
        "quick_ratio 0.1 <=0.5 ok",
        "many_rate 2 >=3 short",
    ]
    with pytest.raises(KeyError, match="quick_ratio"):
        figures(two_figures, {"many_rate": [2.0]})


async def test_a_short_figure_is_measured_again() -> None:
    """Only a figure that misses its goal twice is short; one that reached it keeps its value."""
    rounds = iter(
        [
            {"noisy": [1.0], "slow": [1.0], "good": [5.0]},
            {"noisy": [4.0], "slow": [2.0], "good": [1.0]},
        ]
    )

    async def measured(environment: Environment) -> Rounds:
        return next(rounds)

    goals = dict.fromkeys(("noisy", "slow", "good"), at_least(3))
    found = await measure(Measurement("measured", goals, measured), NO_ENVIRONMENT)
    assert list(map(str, found)) == ["noisy 1,4 >=3 noise", "slow 1,2 >=3 short", "good 5 >=3 ok"]


async def test_good_figures_are_measured_once() -> None:
    """A second measurement would take time and prove nothing."""
    rounds = iter([{"good": [5.0]}])

    async def measured(environment: Environment) -> Rounds:
        return next(rounds)

    measurement = Measurement("measured", {"good": at_least(3)}, measured)
    assert [str(figure) for figure in await measure(measurement, NO_ENVIRONMENT)] == [
        "good 5 >=3 ok"
    ]
