"""Dates and times in Slack's formats, in the reader's time zone."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from sandbox.page.viewer import Reader, time_of_day

_TOKEN = re.compile(r"\{(\w+)\}")
_UNITS = ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))


def formatted(seconds: int, form: str, reader: Reader) -> str:
    """Replace date tokens such as {date_short_pretty} in `form`; unknown tokens stay as they are.

    A day such as "tomorrow" has a capital only at the start: "first tomorrow", but "Tomorrow".
    Raises `ValueError`, `OverflowError` or `OSError` for a time outside the calendar.
    """
    then = reader.at(seconds)
    words = _TOKEN.sub(lambda token: _token(token, then, reader), form)
    return words[:1].upper() + words[1:] if form.startswith("{") else words


def day(then: datetime, reader: Reader) -> str:
    """Return the label of a day divider: Today, Yesterday, or "Tuesday, November 24th"."""
    return (_pretty(then, reader) or f"{then:%A, %B} {_nth(then.day)}").capitalize()


def _token(token: re.Match[str], then: datetime, reader: Reader) -> str:
    name = token[1]
    if name == "ago":
        return _ago(reader.now - then.timestamp())
    if name.endswith("_pretty") and (pretty := _pretty(then, reader)):
        return pretty
    form = _FORMS.get(name.removesuffix("_pretty"))
    return form(then) if form else token[0]


def _pretty(then: datetime, reader: Reader) -> str:
    today = reader.at(reader.now).date()
    near = {
        today: "today",
        today - timedelta(days=1): "yesterday",
        today + timedelta(days=1): "tomorrow",
    }
    return near.get(then.date(), "")


def _nth(number: int) -> str:
    teens = number // 10 == 1
    return f"{number}{'th' if teens else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"


def _ago(seconds: float) -> str:
    for length, unit in _UNITS:
        if seconds >= length:
            number = int(seconds // length)
            return f"{number} {unit}{'' if number == 1 else 's'} ago"
    return "just now"


_FORMS: Mapping[str, Callable[[datetime], str]] = {
    "date_num": lambda then: f"{then:%Y-%m-%d}",
    "date": lambda then: f"{then:%B} {_nth(then.day)}, {then.year}",
    "date_short": lambda then: f"{then:%b} {then.day}, {then.year}",
    "date_long": lambda then: f"{then:%A, %B} {_nth(then.day)}, {then.year}",
    "date_slash": lambda then: f"{then:%m/%d/%Y}",
    "day_divider": lambda then: f"{then:%A, %B} {_nth(then.day)}",
    "time": time_of_day,
    "time_secs": lambda then: time_of_day(then, "%M:%S"),
}
