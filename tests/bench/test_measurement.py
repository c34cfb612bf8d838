"""A figure is judged by its goal, and told in a line that a machine can read, too."""

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
    """The bound belongs to what is good, and what was not measured is short."""
    assert Figure("name", goal, [value]).is_short is is_short


@pytest.mark.parametrize(
    ("figure", "line"),
    [
        (Figure("ack_p50_ratio", at_most(0.15), [0.0931]), "ack_p50_ratio 0.0931 <=0.15 ok"),
        (Figure("help_rate_ratio", at_least(0.7), [0.44444]), "help_rate_ratio 0.444 >=0.7 short"),
        (Figure("burst_lost", at_most(0), [0]), "burst_lost 0 <=0 ok"),
    ],
)
def test_a_line_a_figure(figure: Figure, line: str) -> None:
    """Name, value, goal, verdict: four words."""
    assert str(figure) == line
    assert len(line.split()) == 4


@pytest.mark.parametrize(("rounds", "value"), [([9, 1, 2], 2), ([4, 1, 2, 3], 2.5)])
def test_the_median_counts(rounds: Sequence[float], value: float) -> None:
    """One round that something disturbed does not move the figure; all are shown when asked."""
    figure = Figure("name", at_most(3), rounds)
    assert figure.value == value
    assert figure.spread().split() == [f"{given:g}" for given in rounds]


def test_a_measurement_gives_what_it_has_goals_for() -> None:
    """Its figures come in the order of the goals, and one that is missing is noticed."""
    given = {"many_rate": [2.0], "quick_ratio": [0.1]}
    assert isinstance(two_figures, Measurement)
    assert list(map(str, figures(two_figures, given))) == [
        "quick_ratio 0.1 <=0.5 ok",
        "many_rate 2 >=3 short",
    ]
    with pytest.raises(KeyError, match="quick_ratio"):
        figures(two_figures, {"many_rate": [2.0]})
