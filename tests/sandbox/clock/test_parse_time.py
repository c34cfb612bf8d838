"""The times that the clock can be moved to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.clock.parse_time import HELP, InvalidTime, before_change, parse_time
from tests.harness.clock import NOW
from tests.harness.outcome import outcome

times = st.floats(0, 4e9, allow_nan=False)
zones = st.sampled_from(sorted(available_timezones() - {"localtime"}))


def shown(seconds: float, zone: str) -> str:
    return f"{datetime.fromtimestamp(seconds, ZoneInfo(zone)):%Y-%m-%d %H:%M}"


@pytest.mark.parametrize(
    ("words", "zone", "expected"),
    [
        ("tomorrow 09:00 Europe/Berlin", "Europe/Berlin", "2026-11-24 09:00"),
        ("tomorrow 9:00", "Europe/Berlin", "2026-11-24 09:00"),
        ("09:00 Asia/Kathmandu", "Asia/Kathmandu", "2026-11-24 09:00"),
        ("17:30", "Europe/Berlin", "2026-11-23 17:30"),
        ("2027-03-28 02:30 Europe/Berlin", "Europe/Berlin", "2027-03-28 03:00"),
        ("clock change", "Europe/Berlin", "2027-03-28 01:59"),
        ("clock change America/New_York", "America/New_York", "2027-03-14 01:59"),
        ("+1 h", "UTC", "2026-11-23 11:33"),
        ("+30m", "UTC", "2026-11-23 11:03"),
        (" +2 D ", "UTC", "2026-11-25 10:33"),
    ],
)
def test_reads_words(words: str, zone: str, expected: str) -> None:
    """Each format is read relative to Monday the 23rd, 11:33 in Berlin."""
    assert shown(parse_time(words, NOW), zone) == expected


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("", HELP),
        ("yesterday", HELP),
        ("-1 h", HELP),
        ("25:00", "25:00 isn't a time of day."),
        ("2026-13-01 09:00", "2026-13-01 is no day."),
        ("2037-01-01 09:00", "The clock can move at most ten years ahead."),
        ("9999-12-31 23:59", "The clock can move at most ten years ahead."),
        ("09:00 Mars/Olympus", "Mars/Olympus isn't a time zone. Use a name like Europe/Berlin."),
        (
            "09:00 ../../etc/passwd",
            "../../etc/passwd isn't a time zone. Use a name like Europe/Berlin.",
        ),
        ("clock change Asia/Tokyo", "The clocks of Asia/Tokyo do not change."),
    ],
)
def test_refuses_an_invalid_time(words: str, says: str) -> None:
    """An invalid time is refused with a message that says how to write it."""
    with pytest.raises(InvalidTime) as refused:
        parse_time(words, NOW)
    assert str(refused.value) == says


@given(st.text(max_size=40), times)
def test_any_text_is_a_time_or_refused(words: str, now: float) -> None:
    """Any text is either a time in the future or refused with a message."""
    found = outcome(InvalidTime, lambda: parse_time(words, now))
    if isinstance(found, InvalidTime):
        assert str(found).endswith((".", "?"))
    else:
        assert now <= found <= now + 10 * 366 * 86400


@given(times, zones, st.integers(0, 23), st.integers(0, 59))
def test_tomorrow_is_on_the_next_day(now: float, zone: str, hour: int, minute: int) -> None:
    """Tomorrow is the next day in every zone that doesn't skip it."""
    at = parse_time(f"tomorrow {hour:02}:{minute:02} {zone}", now)
    there = ZoneInfo(zone)
    days = datetime.fromtimestamp(at, there).date() - datetime.fromtimestamp(now, there).date()
    assert at > now
    assert timedelta(days=1) <= days <= timedelta(days=2)


@given(times, zones, st.integers(0, 23), st.integers(0, 59))
def test_a_time_of_day_is_the_next_such(now: float, zone: str, hour: int, minute: int) -> None:
    """A time of day is in the future, at most two days away."""
    at = parse_time(f"{hour:02}:{minute:02} {zone}", now)
    assert now < at <= now + 2 * 86400 + 7200


@given(times, zones)
def test_a_minute_later_the_clocks_change(now: float, zone: str) -> None:
    """In every zone, the clock change is exactly one minute after the returned time."""
    try:
        at = before_change(now, zone)
    except InvalidTime:
        offsets = {offset(now + day * 86400, zone) for day in range(400)}
        assert len(offsets) <= 2  # at most one that started within the first minute
        return
    assert at >= now
    assert offset(at + 59, zone) != offset(at + 60, zone)


def offset(seconds: float, zone: str) -> timedelta | None:
    return datetime.fromtimestamp(seconds, UTC).astimezone(ZoneInfo(zone)).utcoffset()
