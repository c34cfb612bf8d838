"""Jinja filters for message templates: dates, durations, links, mentions, code, cutting."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from functools import partial
from typing import Any
from urllib.parse import quote

from bot.domain.times import read_time
from bot.rendering import text
from bot.rendering.agent_message import CARD_TEXT_LENGTH, agent_message_blocks, excerpt
from bot.rendering.blockkit.limits import URL
from bot.rendering.chart import chart_value
from bot.rendering.parse import TrustedText

MONTH_NAMES = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_FIXED_OFFSET_ZONE = re.compile(r"Etc/GMT([+-])([1-9]\d?)")
WEEKDAY_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MAX_DATE_LENGTH = 20  # characters, also of what is none
BAR_WIDTH = 12
FILLED_CELL, EMPTY_CELL = "\u2588", "\u2591"


def time_of_day(minute: int) -> str:
    """ "09:00" for the 540th minute of a day."""
    if minute not in range(24 * 60):
        return "00:00"
    return f"{minute // 60:02}:{minute % 60:02}"


def timezone_name(name: str) -> str:
    """ "UTC+5" for IANA's Etc/GMT-5, which counts the other way round; other names as they are."""
    found = _FIXED_OFFSET_ZONE.fullmatch(name)
    return f"UTC{'-' if found[1] == '+' else '+'}{found[2]}" if found else name


def weekdays(days: Sequence[int]) -> str:
    """ "every day", "Monday to Friday", "Monday, Wednesday and Friday"; Monday is 0."""
    known = sorted({day for day in days if day in range(len(WEEKDAY_NAMES))})
    if len(known) == len(WEEKDAY_NAMES):
        return "every day"
    names = [WEEKDAY_NAMES[day] for day in known]
    if len(known) > 2 and known[-1] - known[0] == len(known) - 1:
        return f"{names[0]} to {names[-1]}"
    *others, last = names or ["on no day"]
    return f"{', '.join(others)} and {last}" if others else last


def day_and_month(on: str) -> str:
    """ "9 November" for 2026-11-09; what is no date in ISO 8601 is shown as it came."""
    found = _parse_date(on)
    return (
        f"{found.day} {MONTH_NAMES[found.month - 1]}"
        if found
        else text.one_line(text.clean_start(on, MAX_DATE_LENGTH))
    )


def date_range(first: str, last: str) -> str:
    """ "10 to 23 November", "27 November to 10 December"."""
    begun, ended = _parse_date(first), _parse_date(last)
    same_month = begun and ended and begun.month == ended.month
    return f"{begun.day if begun and same_month else day_and_month(first)} to {day_and_month(last)}"


def _parse_date(on: str) -> date | None:
    try:
        return date.fromisoformat(on)
    except ValueError:
        return None


def text_bar(count: int | None, most: int) -> str:
    """`count` drawn against `most`, as wide as any other bar; one that is not 0 can be seen."""
    filled = sum((count or 0) * BAR_WIDTH > most * step for step in range(BAR_WIDTH))
    return FILLED_CELL * filled + EMPTY_CELL * (BAR_WIDTH - filled)


_WEB_ADDRESS = re.compile(r"https?://[^/?#\s]", re.IGNORECASE)
DURATION_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))
MAX_DURATION_SECONDS = 10_000 * 86_400

_LEGAL_IN_URL = "%/:?#[]@!$&'()*+,;=~"
_LOOKS_LIKE_BACK_TICK = "\u02cb"


def date_token(value: float | str | None) -> TrustedText:
    """A time in the reader's time zone; `value` is in seconds since 1970 or ISO 8601.

    Slack: `<!date^unix^format|fallback>`. A time without a zone is UTC; what is no time between
    1970 and 9999 is shown as it came, and None as nothing.
    """
    if value is None:
        return TrustedText()
    moment = _utc_time(value)
    if moment is None:
        return TrustedText(text.escape(text.clean_start(str(value))))
    fallback = f"{moment:%Y-%m-%d %H:%M} UTC"
    return TrustedText(
        f"<!date^{int(moment.timestamp())}^{{date_short_pretty}} {{time}}|{fallback}>"
    )


def _utc_time(value: float | str) -> datetime | None:
    try:
        moment = _read_time(value).astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return moment if moment.year >= 1970 else None


def _read_time(value: float | str) -> datetime:
    if not isinstance(value, str):
        return datetime.fromtimestamp(value, UTC)
    return read_time(value.strip())


def link(url: str | None, words: str) -> TrustedText:
    """`<url|words>`, or only the words where `url` is no short http or https address.

    Whatever could end the link early is percent-encoded.
    """
    target = text.clean((url or "")[: URL + 1]).strip()
    shown = text.escape(_one_line(words))
    if len(target) > URL or not _WEB_ADDRESS.match(target):
        return TrustedText(shown)
    address = text.escape(quote(target, safe=_LEGAL_IN_URL))
    return TrustedText(f"<{address}|{shown}>" if shown else f"<{address}>")


def code(value: str | float | None) -> TrustedText:
    """Inline code on one line, nothing for nothing; mrkdwn has no escape for a back-tick in it."""
    words = _one_line("" if value is None else str(value))
    if not words:
        return TrustedText()
    return TrustedText(f"`{text.escape(words.replace('`', _LOOKS_LIKE_BACK_TICK))}`")


def user_mention(user_id: str) -> TrustedText:
    """Slack's mention of a user, which notifies them if it is in a new channel message."""
    return _mention("@", "UW", user_id)


def channel_mention(channel_id: str) -> TrustedText:
    """Slack's name for a channel, as a link to it."""
    return _mention("#", "CG", channel_id)


def _mention(sign: str, kinds: str, slack_id: str) -> TrustedText:
    """`<@U…>` or `<#C…>`; what is no id of Slack's is letters."""
    if re.fullmatch(f"[{kinds}][A-Z0-9]{{1,30}}", slack_id):
        return TrustedText(f"<{sign}{slack_id}>")
    return code(slack_id)


def plural(count: int, one: str, many: str = "") -> str:
    """ "1 job", "1,204 jobs"; `many` is for words that do not just take an s."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def duration(seconds: float) -> str:
    """ "47 s", "2 min 14 s", "3 h 5 min", "2 d 4 h": the two largest units."""
    left = int(min(max(seconds, 0), MAX_DURATION_SECONDS))
    parts = []
    for size, unit in DURATION_UNITS:
        count, left = divmod(left, size)
        parts.append(f"{count} {unit}" if count else "")
    first = next((place for place, part in enumerate(parts) if part), len(parts) - 1)
    return " ".join(filter(None, parts[first : first + 2])) or "0 s"


def _shorten(value: str | None, limit: int) -> str:
    return text.clean_start(value or "", limit)


def _one_line(value: str | None) -> str:
    return text.one_line(text.clean_start(value or ""))


JINJA_FILTERS: Mapping[str, Callable[..., Any]] = {
    "text_bar": text_bar,
    "chart_value": chart_value,
    "channel": channel_mention,
    "date": date_token,
    "day_and_month": day_and_month,
    "date_range": date_range,
    "link": link,
    "code": code,
    "duration": duration,
    "excerpt": excerpt,
    "agent_message": partial(agent_message_blocks, reads=CARD_TEXT_LENGTH),
    "plural": plural,
    "shorten": _shorten,
    "one_line": _one_line,
    "user": user_mention,
    "time_of_day": time_of_day,
    "timezone_name": timezone_name,
    "weekdays": weekdays,
}
