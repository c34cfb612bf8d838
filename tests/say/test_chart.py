"""The picture of some days: within its frame, readable small, without colour, in light and dark."""

from __future__ import annotations

import gc
import re
import struct
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure
from matplotlib.text import Text

from bot.say.chart import UNITS, WIDTH, Chart, Row, draw, short_number
from bot.say.chart_png import CARD, COLOURS, INK, LINE, MUTED, figure, png
from tests.source import PROJECT, imported, modules

DRAWS = PROJECT / "bot/say/chart_png.py"
SHOWN = 360
"""Pixels: how wide Slack shows a picture in a message, on a phone as on a desk."""

READABLE = 9.0
FOR_TEXT, FOR_BARS = 4.5, 3.0
"""WCAG 2.2, 1.4.3 and 1.4.11."""

MEBIBYTE = 1024 * 1024
MOST_A_DAY = 99_000_000  # more would need smaller letters
counts = st.lists(st.none() | st.integers(0, MOST_A_DAY), min_size=14, max_size=14)


def chart(*rows: tuple[int | None, ...]) -> Chart:
    """A fortnight of these counts, as many kinds of jobs as there are."""
    days = tuple(date(2026, 11, 10) + timedelta(number) for number in range(14))
    named = zip(("Failed", "Succeeded", "Skipped"), COLOURS, rows, strict=False)
    return Chart("Jobs a day, 10 to 23 November", days, tuple(Row(*row) for row in named))


FORTNIGHT = chart(
    (15, 3, None, 0, 0, 31, 8, 4, 12, 9, 1, 0, 2, 22),
    (1204, 1300, None, 2, 0, 1104, 990, 1310, 1240, 12400, 123456, 999, 1000, 1100),
    (0,) * 14,
)


def texts(drawn: Figure) -> list[Text]:
    every: list[Any] = drawn.findobj(Text)
    return [text for text in every if text.get_text()]


def luminance(colour: str) -> float:
    """WCAG 2.2, "relative luminance"."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_is_a_png_of_its_size(rows: int) -> None:
    """As wide as it says, taller with each row, and small enough for any line."""
    image = draw(chart(*(row.counts for row in FORTNIGHT.rows[:rows])))
    width, height = struct.unpack(">II", image[16:24])
    assert image.startswith(b"\x89PNG\r\n\x1a\n")
    assert (width, height) == (WIDTH, 180 + 290 * rows)
    assert len(image) < 200_000


@settings(max_examples=15)
@given(rows=st.lists(counts.map(tuple), min_size=1, max_size=3))
def test_no_text_is_cut_off_or_over_another(rows: list[tuple[int | None, ...]]) -> None:
    """Whatever the numbers are."""
    drawn = figure(chart(*rows))
    frame = drawn.bbox
    boxes = [text.get_window_extent() for text in texts(drawn)]
    for place, box in enumerate(boxes):
        assert box.x0 > frame.x0
        assert box.y0 > frame.y0
        assert box.x1 < frame.x1
        assert box.y1 < frame.y1
        assert not any(box.overlaps(other) for other in boxes[place + 1 :])


def test_can_be_read_where_slack_shows_it_small() -> None:
    """On a phone no text is smaller than nine pixels."""
    smallest = min(float(text.get_fontsize()) for text in texts(figure(FORTNIGHT)))
    assert smallest * figure(FORTNIGHT).dpi / 72 * SHOWN / WIDTH >= READABLE


def test_needs_no_colour() -> None:
    """Each row has its name and total, each day its number, and what is not known no bar."""
    drawn = figure(FORTNIGHT)
    failed, *_, days = [[text.get_text() for text in axes.texts] for axes in drawn.axes]
    assert [text.get_text() for text in drawn.texts] == [
        "Jobs a day, 10 to 23 November",
        "Failed · 107 · 1 day not known",
        "Succeeded · 146,105 · 1 day not known",
        "Skipped · 0",
    ]
    assert failed[:6] == ["15", "3", "?", "0", "0", "31"]
    assert (days[0], days[5], days[13]) == ("Tu\n10", "Su\n15", "Mo\n23")


def test_can_be_read_in_light_and_in_dark() -> None:
    """It brings its own background, which hides what is behind; all is clear against that."""
    assert figure(FORTNIGHT).get_facecolor() == (1.0, 1.0, 1.0, 1.0)
    assert CARD == "#ffffff"
    for colour in (INK, MUTED, *COLOURS.values()):
        assert contrast(colour, CARD) >= FOR_TEXT
    assert contrast(LINE, CARD) >= FOR_BARS


def test_nothing_depends_on_the_machine() -> None:
    """The fonts are matplotlib's own files; the same chart is the same picture."""
    for text in texts(figure(FORTNIGHT)):
        file = Path(str(text.get_fontproperties().get_file()))
        assert file.is_relative_to(Path(sys.prefix))
        assert file.name.startswith("DejaVuSans")
    assert png(figure(FORTNIGHT)) == png(figure(FORTNIGHT))


def test_a_bar_that_is_not_0_can_be_seen() -> None:
    """One failure beside ten thousand."""
    (axes, _) = figure(chart((1, 10_000, 0, *(None,) * 11))).axes
    few, many, none, unknown = (patch.get_height() for patch in list(axes.patches)[:4])  # type: ignore[attr-defined]
    assert (many, none, unknown) == (1, 0, 1)
    assert 0.01 < few < 0.05


def test_memory_stays_flat() -> None:
    """Thirty more pictures take no more than the first ones have left."""

    def resident() -> int:
        gc.collect()
        return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * 4096

    for _ in range(10):
        draw(FORTNIGHT)
    before = resident()
    for _ in range(30):
        draw(FORTNIGHT)
    assert resident() - before < 12 * MEBIBYTE


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, "0"),
        (999, "999"),
        (1000, "1.0k"),
        (1204, "1.2k"),
        (9949, "9.9k"),
        (9950, "10k"),
        (123_456, "123k"),
        (999_499, "999k"),
        (999_500, "1.0M"),
        (5 * 10**9, "5.0G"),
    ],
)
def test_numbers_are_short(count: int, words: str) -> None:
    """Four letters at most for anything that is counted in a day."""
    assert short_number(count) == words


@given(st.integers(0, 10**11))
def test_short_numbers_are_near(count: int) -> None:
    """Within a twentieth, and never longer than four letters."""
    words = short_number(count)
    unit = words[-1] if words[-1] in UNITS else ""
    value = float(words.removesuffix(unit)) * 1000 ** UNITS.index(unit)
    assert len(words) <= 4
    assert abs(value - count) <= count / 19


def test_only_one_module_knows_what_draws() -> None:
    """And without pyplot, which is for one thread and keeps every figure."""
    imports = re.compile(r"^\s*(?:from|import) matplotlib", re.MULTILINE)
    knowing = [path for path in modules("bot") if imports.search(path.read_text(encoding="utf-8"))]
    assert knowing == [DRAWS]
    assert "matplotlib.pyplot" not in imported(DRAWS)


def test_the_web_process_never_loads_it() -> None:
    """All that it imports, all listeners included; its start must not pay for pictures."""
    code = (
        "import sys, bot.cli, bot.web, bot.wiring, bot.listeners, bot.tasks;"
        "from bot.slack.registry import discover; from bot.clockwork.registry import discover as d;"
        "discover(bot.listeners); d(bot.tasks);"
        "sys.exit(any(name.startswith(('matplotlib', 'numpy', 'PIL')) for name in sys.modules))"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=PROJECT)
