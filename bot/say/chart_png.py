"""Draws charts by matplotlib, which nothing else imports; without pyplot, which keeps what it drew.

The card brings its own background, so that it can be read in light and in dark; each row has its
name and its numbers, so that nobody needs its colour.
"""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties

from bot.say.chart import WIDTH, Chart, Row, short_number

matplotlib.rcdefaults()  # whatever a matplotlibrc of this machine says

DPI = 72
"""A point is a pixel then: sizes of text below are pixels, too."""

TITLE, NAME, SMALL = 38, 36, 28
"""Of text. Where Slack shows the picture 360 pixels wide, the smallest has 9."""

CARD, INK, MUTED, LINE = "#ffffff", "#1d1c1d", "#616061", "#8d8d8d"
COLOURS = {"failure": "#c24a00", "success": "#0068a8", "skipped": "#5f6b6d"}
"""Told apart with any colour vision, and each clear against the card."""

MARGIN, TOP, BOTTOM = 34, 84, 96
ROW, ABOVE_BARS = 290, 140
"""The height of a row, and what of it the name and the numbers take."""

BAR, LEAST = 0.72, 0.015
"""How wide bars are, of a day's room, and how tall at least where there was a job."""

WEEK = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")
SATURDAY = 5

_FONTS = Path(matplotlib.get_data_path(), "fonts", "ttf")
_PLAIN, _BOLD = _FONTS / "DejaVuSans.ttf", _FONTS / "DejaVuSans-Bold.ttf"


def figure(chart: Chart) -> Figure:
    height = TOP + ROW * len(chart.rows) + BOTTOM
    drawn = Figure(figsize=(WIDTH / DPI, height / DPI), dpi=DPI, facecolor=CARD)
    FigureCanvasAgg(drawn)
    drawn.patch.set(edgecolor=LINE, linewidth=3)
    _words(drawn, MARGIN, height - 62, chart.title, TITLE, _BOLD)
    for place, row in enumerate(chart.rows):
        bottom = height - TOP - ROW * (place + 1)
        _words(drawn, MARGIN, bottom + ROW - 68, _named(row), NAME, _BOLD, COLOURS[row.colour])
        _bars(_axes(drawn, bottom, ROW - ABOVE_BARS, len(chart.days)), row)
    _days(drawn, chart)
    return drawn


def png(drawn: Figure) -> bytes:
    file = BytesIO()
    drawn.savefig(file, format="png", metadata={"Software": None})
    return file.getvalue()


def _named(row: Row) -> str:
    unknown = row.counts.count(None)
    missing = f" · {unknown} {'day' if unknown == 1 else 'days'} not known" if unknown else ""
    return f"{row.name} · {row.total:,}{missing}"


def _words(
    drawn: Figure, x: float, y: float, words: str, size: int, font: Path, colour: str = INK
) -> None:
    width, height = drawn.get_size_inches() * DPI
    drawn.text(x / width, y / height, words, **_style(size, font, colour))


def _style(size: int, font: Path, colour: str) -> dict[str, Any]:
    """matplotlib's own font and no other; and a dollar sign is a dollar sign."""
    return {
        "fontproperties": FontProperties(fname=font, size=size),
        "color": colour,
        "parse_math": False,
    }


def _axes(drawn: Figure, bottom: int, tall: int, days: int) -> Axes:
    width, height = drawn.get_size_inches() * DPI
    place = (MARGIN / width, bottom / height, (width - 2 * MARGIN) / width, tall / height)
    axes = drawn.add_axes(place, xlim=(-0.5, days - 0.5), ylim=(0, 1), xticks=[], yticks=[])
    axes.set_facecolor("none")
    for side in ("left", "right", "top"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set(color=LINE, linewidth=2)
    return axes


def _bars(axes: Axes, row: Row) -> None:
    most = max((count or 0 for count in row.counts), default=0)
    for place, count in enumerate(row.counts):
        if count is None:
            axes.bar(place, 1, BAR, color="none", edgecolor=LINE, hatch="//", linewidth=0)
            _number(axes, place, 1, "?", MUTED)
        else:
            tall = max(count / most, LEAST) if count else 0
            axes.bar(place, tall, BAR, color=COLOURS[row.colour])
            _number(axes, place, tall, short_number(count), INK if count else MUTED)


def _number(axes: Axes, place: int, tall: float, words: str, colour: str) -> None:
    axes.annotate(
        words,
        (place, tall),
        xytext=(0, 7),
        textcoords="offset points",
        ha="center",
        va="bottom",
        annotation_clip=False,
        **_style(SMALL, _PLAIN, colour),
    )


def _days(drawn: Figure, chart: Chart) -> None:
    """Below the last row."""
    axes = _axes(drawn, 0, BOTTOM, len(chart.days))
    axes.spines["bottom"].set_visible(False)
    for place, day in enumerate(chart.days):
        colour = INK if day.weekday() < SATURDAY else MUTED
        words = f"{WEEK[day.weekday()]}\n{day.day}"
        axes.text(place, 0.9, words, ha="center", va="top", **_style(SMALL, _PLAIN, colour))
