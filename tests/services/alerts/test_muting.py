"""For how long alerts are muted, as people type it."""

from __future__ import annotations

import pytest

from bot.errors import InvalidInput
from bot.services.alerts.muting import mute_seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("", 7_200), ("2h", 7_200), (" 30M ", 1_800), ("1d", 86_400), ("4w", 28 * 86_400)],
)
def test_reads_lengths_of_time(text: str, seconds: float) -> None:
    """As behind since:, and two hours for nothing."""
    assert mute_seconds(text) == seconds


@pytest.mark.parametrize("text", ["0m", "31d", "monday", "2026-11-01", "for ever", "-2h", "2"])
def test_refuses_the_rest(text: str) -> None:
    """A day of the week is no length, and for ever means off."""
    with pytest.raises(InvalidInput) as error:
        mute_seconds(text)
    assert "30m" in error.value.advice
