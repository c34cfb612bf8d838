"""Parsing of ISO 8601 times."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.records import parse_time, read_time
from tests.harness.source_code import PROJECT, modules

ZONES = st.timedeltas(timedelta(hours=-23), timedelta(hours=23)).map(
    lambda offset: timezone(timedelta(minutes=offset // timedelta(minutes=1)))
)


@given(st.datetimes(timezones=st.none() | ZONES))
def test_a_time_without_a_zone_is_utc(moment: datetime) -> None:
    """What was written is read again, and always names its zone."""
    expected = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    assert read_time(moment.isoformat()) == parse_time(moment.isoformat()) == expected


@given(st.text())
def test_any_text(text: str) -> None:
    """A text is either a time with a zone or rejected; no other error is raised."""
    found = parse_time(text)
    assert found is None or found.tzinfo
    if found is None:
        with pytest.raises(ValueError, match=r"."):
            read_time(text)


def test_times_are_read_in_one_place() -> None:
    """Only what people type in their own zone is read elsewhere."""
    readers = {
        path.relative_to(PROJECT).as_posix()
        for path in modules("bot")
        if "datetime.fromisoformat" in path.read_text(encoding="utf-8")
    }
    assert readers == {"bot/domain/records.py", "bot/services/filters/dates.py"}
