"""Bars for each of some days, as a picture: what it shows, and the door to what draws it."""

from __future__ import annotations

import gc
from dataclasses import dataclass
from datetime import date

WIDTH = 1080
"""Pixels: three for each that a phone gives to a picture in a message."""

THOUSAND = 1000
UNITS = ("", "k", "M", "G")


@dataclass(frozen=True, slots=True)
class Row:
    """One row of bars with words of ours above it; None for a day that is not known.

    `colour` is one of `COLOURS`.
    """

    name: str
    colour: str
    counts: tuple[int | None, ...]

    @property
    def total(self) -> int:
        return sum(count or 0 for count in self.counts)


@dataclass(frozen=True, slots=True)
class Chart:
    """All rows have a count for each day. Nothing in it comes from outside."""

    title: str
    days: tuple[date, ...]
    rows: tuple[Row, ...]


def draw(chart: Chart) -> bytes:
    """The picture as PNG, `WIDTH` wide.

    One at a time: matplotlib is not for two threads at once. The first one takes some half a
    second more, in which it is loaded.
    """
    from bot.say.chart_png import figure, png  # only some workers draw

    picture = png(figure(chart))
    gc.collect()  # a figure refers to itself: without this some 50 MB of them would wait
    return picture


def short_number(count: int) -> str:
    """ "999", "1.2k", "12k", "1.2M": so short that it stands above a bar."""
    size, unit = float(count), 0
    while size >= THOUSAND - 0.5 and unit < len(UNITS) - 1:
        size, unit = size / THOUSAND, unit + 1
    digits = 1 if unit and size < 9.95 else 0
    return f"{size:.{digits}f}{UNITS[unit]}"
