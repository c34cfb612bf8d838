"""Times, days and bars as plain words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.say.schedule import BAR, FULL, bar, day, days_from, wall_clock, weekdays


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


def test_dates_are_said_as_people_say_them() -> None:
    """Without a year; a month that does not change is said once."""
    assert day("2026-11-09") == "9 November"
    assert days_from("2026-11-10", "2026-11-23") == "10 to 23 November"
    assert days_from("2026-12-25", "2027-01-07") == "25 December to 7 January"
    assert days_from("2025-11-10", "2026-11-23") == "10 to 23 November"


@given(st.text(), st.text())
def test_what_is_no_date_stays_short(one: str, other: str) -> None:
    """And on one line."""
    for words in (day(one), days_from(one, other)):
        assert len(words) <= 50
        assert "\n" not in words
