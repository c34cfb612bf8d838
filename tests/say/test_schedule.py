"""Times, days and bars as plain words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.say.schedule import BAR, FULL, bar, wall_clock, weekdays


@pytest.mark.parametrize(
    ("days", "words"),
    [
        ((0, 1, 2, 3, 4, 5, 6), "every day"),
        ((0, 1, 2, 3, 4), "Monday to Friday"),
        ((0,), "Monday"),
        ((5, 6), "Saturday and Sunday"),
        ((0, 2, 4), "Monday, Wednesday and Friday"),
        ((), "on no day"),
    ],
)
def test_days_are_said_shortly(days: tuple[int, ...], words: str) -> None:
    """As somebody would say them."""
    assert weekdays(days) == words


def test_times_have_two_digits() -> None:
    """As a clock shows them."""
    assert [wall_clock(minute) for minute in (0, 540, 1439)] == ["00:00", "09:00", "23:59"]


@given(st.none() | st.integers(0, 10**12), st.integers(0, 10**12))
def test_bars_are_all_as_wide(count: int | None, most: int) -> None:
    """And one that is not 0 can be seen."""
    drawn = bar(count, most)
    assert len(drawn) == BAR
    assert (FULL in drawn) == bool(count)


def test_the_longest_bar_is_full() -> None:
    """Half as many have half of it."""
    assert [bar(count, 100).count(FULL) for count in (100, 50, 1, 0)] == [BAR, BAR // 2, 1, 0]
