"""Computes the coordinates of a chart block's lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

WIDTH, HEIGHT = 560, 180
LEFT, RIGHT, TOP, BOTTOM = 56, 12, 10, 26


@dataclass(frozen=True, slots=True)
class Line:
    """A series.

    `points` are in SVG format, "56,170 102,31.5"; `number`, from 1, selects the color.
    """

    name: str
    number: int
    points: str
    dots: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Plot:
    """The series of a line, bar or area chart.

    `labels` have their position on the x axis; `least` and `most` are the ends of the y axis.
    """

    lines: tuple[Line, ...]
    labels: tuple[tuple[float, str], ...]
    least: float
    most: float
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    top: int = TOP
    bottom: int = HEIGHT - BOTTOM
    right: int = WIDTH - RIGHT


def plot(chart: Mapping[str, Any]) -> Plot:
    """Return each series of a line, bar or area chart as a line."""
    values = [[point["value"] for point in one["data"]] for one in chart["series"]]
    least, most = min(0, *map(min, values)), max(0, *map(max, values))
    categories = chart["axis_config"]["categories"]
    xs = _places(len(categories))
    lines = tuple(
        _line(one["name"], number, xs, [_height(value, least, most) for value in of_series])
        for number, (one, of_series) in enumerate(zip(chart["series"], values, strict=True), 1)
    )
    step = 1 + len(categories) // 5
    labels = tuple(zip(xs, categories, strict=True))[::step]
    return Plot(lines, labels, least, most)


def _line(name: str, number: int, xs: Sequence[float], ys: Sequence[float]) -> Line:
    dots = tuple(zip(xs, ys, strict=True))
    return Line(name, number, " ".join(f"{x:g},{y:g}" for x, y in dots), dots)


def _places(count: int) -> list[float]:
    room = WIDTH - LEFT - RIGHT
    return [round(LEFT + room * (place + 0.5) / count, 1) for place in range(count)]


def _height(value: float, least: float, most: float) -> float:
    share = (value - least) / ((most - least) or 1)
    return round(HEIGHT - BOTTOM - share * (HEIGHT - BOTTOM - TOP), 1)


FILTERS: Mapping[str, Any] = {"plot": plot}
