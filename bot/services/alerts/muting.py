"""For how long an alert is muted, as people type it: `30m`, `2h`, `1d`."""

from __future__ import annotations

from datetime import timedelta

from bot.errors import InvalidInput
from bot.services.filters.times import Ago, when

DEFAULT = "2h"
LONGEST = timedelta(days=30)
POSSIBLE = "Type 30m, 2h, 1d or 1w; at most 30d."


def mute_seconds(text: str) -> float:
    """Seconds; two hours for nothing. Raises InvalidInput."""
    words = text.strip() or DEFAULT
    try:
        length = when((words,))
    except InvalidInput as error:
        raise InvalidInput("That is no length of time", words, POSSIBLE) from error
    if not isinstance(length, Ago) or not timedelta() < length.length <= LONGEST:
        raise InvalidInput("That is no length of time to mute for", words, POSSIBLE)
    return length.length.total_seconds()
