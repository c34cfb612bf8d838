"""Retry delays requested by servers."""

from __future__ import annotations

import math
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.backoff import bounded, parse_retry_after

NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7),
        (" 0 ", 1),
        ("1.5", 2),
        ("0.2", 1),
        ("31536000", 900),
        ("9" * 400, 900),
        ("9" * 5_000, 900),
        (formatdate(NOW + 90, usegmt=True), 90),
        (formatdate(NOW - 90, usegmt=True), 1),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 900),
        ("soon", None),
        ("-3", None),
        ("²", None),
        ("1e3", None),
        ("", None),
    ],
)
def test_retry_after(header: str, seconds: float | None) -> None:
    """Seconds, fractions and dates are read, rounded up and kept between 1 s and the most."""
    assert parse_retry_after(header, NOW, most=900) == seconds


@given(st.text(st.characters(max_codepoint=255)) | st.from_regex(r"\A[0-9]{1,30}(\.[0-9]*)?\Z"))
def test_any_retry_after(header: str) -> None:
    """No header causes an error, a long stop or a busy loop."""
    found = parse_retry_after(header, NOW, most=300)
    assert found is None or (1 <= found <= 300 and found == int(found))


@given(st.floats())
def test_any_number_is_bounded(seconds: float) -> None:
    """A delay is finite for any number, including NaN and infinity."""
    assert 1 <= bounded(seconds, most=300) <= 300
    assert bounded(math.nan, most=300) == 300
