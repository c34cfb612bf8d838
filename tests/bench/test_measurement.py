"""A figure is compared with its goal and printed as a machine-readable line."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest

from bench.environment import Environment
from bench.measurement import (
    Figure,
    Goal,
    Measurement,
    Rounds,
    at_least,
    at_most,
    figures,
    measures,
)


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
    assert figure.value == value
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
