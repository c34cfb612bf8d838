"""Filters of the templates, besides those of Jinja."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from functools import partial
from typing import Any
from urllib.parse import quote

from bot.domain.times import read_time
from bot.rendering import text
from bot.rendering.agent_message import ON_CARD, excerpt, lay_out
from bot.rendering.blockkit.limits import URL
from bot.rendering.chart import chart_value
from bot.rendering.parse import TrustedText

MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_FIXED = re.compile(r"Etc/GMT([+-])([1-9]\d?)")
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
LONGEST_DATE = 20  # characters, also of what is none
BAR = 12
FULL, EMPTY = "\u2588", "\u2591"


def wall_clock(minute: int) -> str:
    """ "09:00" for the 540th minute of a day."""
    if minute not in range(24 * 60):
        return "00:00"
    return f"{minute // 60:02}:{minute % 60:02}"


def zone(name: str) -> str:
    """ "UTC+5" for IANA's Etc/GMT-5, which counts the other way round; other names as they are."""
    found = _FIXED.fullmatch(name)
    return f"UTC{'-' if found[1] == '+' else '+'}{found[2]}" if found else name


def weekdays(days: Sequence[int]) -> str:
    """ "every day", "Monday to Friday", "Monday, Wednesday and Friday"; Monday is 0."""
    known = sorted({day for day in days if day in range(len(DAYS))})
    if len(known) == len(DAYS):
        return "every day"
    names = [DAYS[day] for day in known]
    if len(known) > 2 and known[-1] - known[0] == len(known) - 1:
        return f"{names[0]} to {names[-1]}"
    *others, last = names or ["on no day"]
    return f"{', '.join(others)} and {last}" if others else last


def day(on: str) -> str:
    """ "9 November" for 2026-11-09; what is no date in ISO 8601 is shown as it came."""
    found = _date(on)
    return (
        f"{found.day} {MONTHS[found.month - 1]}"
        if found
        else text.one_line(text.clean_start(on, LONGEST_DATE))
    )


def days_from(first: str, last: str) -> str:
    """ "10 to 23 November", "27 November to 10 December"."""
    begun, ended = _date(first), _date(last)
    same_month = begun and ended and begun.month == ended.month
    return f"{begun.day if begun and same_month else day(first)} to {day(last)}"


def _date(on: str) -> date | None:
    try:
        return date.fromisoformat(on)
    except ValueError:
        return None


def bar(count: int | None, most: int) -> str:
    """`count` drawn against `most`, as wide as any other bar; one that is not 0 can be seen."""
    filled = sum((count or 0) * BAR > most * step for step in range(BAR))
    return FULL * filled + EMPTY * (BAR - filled)


_WEB_ADDRESS = re.compile(r"https?://[^/?#\s]", re.IGNORECASE)
DURATIONS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))
LONGEST_DURATION = 10_000 * 86_400

_LEGAL_IN_URL = "%/:?#[]@!$&'()*+,;=~"
_LOOKS_LIKE_BACK_TICK = "\u02cb"


def date_token(value: float | str | None) -> TrustedText:
    """A time in the zone of whoever reads it; `value` is in seconds since 1970 or ISO 8601.

    Slack: `<!date^unix^format|fallback>`. A time without a zone is UTC; what is no time between
    1970 and 9999 is shown as it came, and None as nothing.
    """
    if value is None:
        return TrustedText()
    moment = _moment(value)
    if moment is None:
        return TrustedText(text.escape(text.clean_start(str(value))))
    fallback = f"{moment:%Y-%m-%d %H:%M} UTC"
    return TrustedText(
        f"<!date^{int(moment.timestamp())}^{{date_short_pretty}} {{time}}|{fallback}>"
    )


def _moment(value: float | str) -> datetime | None:
    try:
        moment = _parsed(value).astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return moment if moment.year >= 1970 else None


def _parsed(value: float | str) -> datetime:
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


def user(user_id: str) -> TrustedText:
    """Slack's name for a user, who is told when this stands in a new message of a channel."""
    return _named("@", "UW", user_id)


def channel(channel_id: str) -> TrustedText:
    """Slack's name for a channel, as a link to it."""
    return _named("#", "CG", channel_id)


def _named(sign: str, kinds: str, slack_id: str) -> TrustedText:
    """`<@U…>` or `<#C…>`; what is no id of Slack's is letters."""
    if re.fullmatch(f"[{kinds}][A-Z0-9]{{1,30}}", slack_id):
        return TrustedText(f"<{sign}{slack_id}>")
    return code(slack_id)


def plural(count: int, one: str, many: str = "") -> str:
    """ "1 job", "1,204 jobs"; `many` is for words that do not just take an s."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def duration(seconds: float) -> str:
    """ "47 s", "2 min 14 s", "3 h 5 min", "2 d 4 h": the two largest units."""
    left = int(min(max(seconds, 0), LONGEST_DURATION))
    parts = []
    for size, unit in DURATIONS:
        count, left = divmod(left, size)
        parts.append(f"{count} {unit}" if count else "")
    first = next((place for place, part in enumerate(parts) if part), len(parts) - 1)
    return " ".join(filter(None, parts[first : first + 2])) or "0 s"


def _shorten(value: str | None, limit: int) -> str:
    return text.clean_start(value or "", limit)


def _one_line(value: str | None) -> str:
    return text.one_line(text.clean_start(value or ""))


FILTERS: Mapping[str, Callable[..., Any]] = {
    "bar": bar,
    "chart_value": chart_value,
    "channel": channel,
    "date": date_token,
    "day": day,
    "days_from": days_from,
    "link": link,
    "code": code,
    "duration": duration,
    "excerpt": excerpt,
    "lay_out": partial(lay_out, reads=ON_CARD),
    "plural": plural,
    "shorten": _shorten,
    "one_line": _one_line,
    "user": user,
    "wall_clock": wall_clock,
    "zone": zone,
    "weekdays": weekdays,
}
