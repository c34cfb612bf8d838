"""Jinja filters for message templates: dates, durations, links, mentions, code, shortening."""

from __future__ import annotations

import json
import re
from base64 import b64decode
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, tzinfo
from functools import lru_cache, partial
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from bot.domain.records import read_time
from bot.domain.times import DAY_SECONDS
from bot.rendering import text
from bot.rendering.agent_message import CARD_TEXT_LENGTH, agent_message_blocks, excerpt
from bot.rendering.blockkit.limits import URL
from bot.rendering.blockkit.rules import chart_value
from bot.rendering.buttons import group_value
from bot.rendering.parse import TrustedText
from bot.rendering.rich_text import log_blocks

MONTH_NAMES = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_FIXED_OFFSET_ZONE = re.compile(r"Etc/GMT([+-])([1-9]\d?)")
WEEKDAY_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MINUS = "\u2212"
MAX_DATE_LENGTH = 20  # characters, also for text that is not a date


def time_of_day(minute: int) -> str:
    """ "09:00" for the 540th minute of a day."""
    if minute not in range(24 * 60):
        return "00:00"
    return f"{minute // 60:02}:{minute % 60:02}"


def timezone_name(name: str) -> str:
    """ "UTC+5" for IANA's Etc/GMT-5, whose sign is inverted; other names are unchanged."""
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
    """ "9 November" for 2026-11-09; text that is not an ISO 8601 date is shown unchanged."""
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


_WEB_ADDRESS = re.compile(r"https?://[^/?#\s]", re.IGNORECASE)
DURATION_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))
MAX_DURATION_SECONDS = 10_000 * 86_400
MAX_TIME_SECONDS = 253_402_300_800  # the year 10000, since 1970

_LEGAL_IN_URL = "%/:?#[]@!$&'()*+,;=~"
_LOOKS_LIKE_BACK_TICK = "\u02cb"


def date_token(value: float | str | None, before: str = "") -> TrustedText:
    """A time in the reader's time zone; `value` is in seconds since 1970 or ISO 8601.

    `before` is trusted text such as "since". It goes inside the token; otherwise, Slack would write
    "since Yesterday" with a capital. Slack: `<!date^unix^format|fallback>`. A time without a
    zone is UTC. Text that is not a time between 1970 and 9999 is shown unchanged, None as "".
    """
    if value is None:
        return TrustedText()
    start = f"{before} " if before else ""
    moment = _utc_time(value)
    if moment is None:
        return TrustedText(start + text.escape(text.clean_start(str(value))))
    fallback = f"{start}{moment.isoformat(' ')[:16]} UTC"
    return TrustedText(
        f"<!date^{int(moment.timestamp())}^{start}{{date_short_pretty}} {{time}}|{fallback}>"
    )


def clock_time(value: float | str, zone: str = "") -> str:
    """ "8:45 PM" in an IANA time zone, or "7:45 PM UTC" if the zone is unknown.

    For text in which Slack doesn't support date tokens. Text that is not a time is shown unchanged.
    """
    moment = _local_time(value, zone)
    if moment is None:
        return text.clean_start(str(value), MAX_DATE_LENGTH)
    half = "AM" if moment.hour < 12 else "PM"
    utc = "" if _time_zone(zone) else " UTC"
    return f"{moment.hour % 12 or 12}:{moment.minute:02} {half}{utc}"


def date_and_time(value: float | str, zone: str = "") -> str:
    """ "Nov 27, 8:45 PM CET", for readers in other time zones; otherwise like `clock_time`."""
    moment = _local_time(value, zone)
    if moment is None:
        return text.clean_start(str(value), MAX_DATE_LENGTH)
    name = moment.tzname() or "UTC"
    abbreviation = name if name[:1].isalpha() else f"UTC{name}"
    month = MONTH_NAMES[moment.month - 1][:3]
    return f"{month} {moment.day}, {moment.hour % 12 or 12}:{moment:%M %p} {abbreviation}"


def period(since: float, until: float, zone: str) -> str:
    """ "Fri 9:00 – Sat 9:00" in the zone; with dates if weekdays would be ambiguous."""
    begun, ended = _local_time(since, zone), _local_time(until, zone)
    if begun is None or ended is None:
        return ""
    days = (ended.date() - begun.date()).days
    first, last = (
        _hours(moment, f"{moment:%a} " if 0 <= days < len(WEEKDAY_NAMES) else _month_day(moment))
        for moment in (begun, ended)
    )
    return f"{first} – {last}" if days else f"{first} – {_hours(ended)}"


def since_words(since: float, until: float, zone: str) -> str:
    """ "yesterday", "9:00", "Friday" or "Nov 3": the start of a period, as seen from its end."""
    begun, ended = _local_time(since, zone), _local_time(until, zone)
    if begun is None or ended is None:
        return "then"
    days = (ended.date() - begun.date()).days
    if days == 1:
        return "yesterday"
    if 1 < days < len(WEEKDAY_NAMES):
        return WEEKDAY_NAMES[begun.weekday()]
    return _month_day(begun).strip() if days else _hours(begun)


def local_day(value: float, zone: str, now: float) -> str:
    """ "Nov 11" for midnight in the zone, else "Nov 11, 14:30"; with the year if not this one."""
    moment, today = _local_time(value, zone), _local_time(now, zone)
    if moment is None:
        return text.clean_start(str(value), MAX_DATE_LENGTH)
    day = _month_day(moment).strip()
    if today is None or today.year != moment.year:
        day = f"{day}, {moment.year}"
    utc = "" if _time_zone(zone) else " UTC"
    return day if (moment.hour, moment.minute) == (0, 0) else f"{day}, {_hours(moment)}{utc}"


def period_before(since: float, until: float) -> str:
    """ "the day before", "the 3 days before", "the 5 h before": as long as the given period."""
    days = round(_seconds_between(since, until) / DAY_SECONDS)
    if days < 1:
        return f"the {duration_between(since, until)} before"
    return "the day before" if days == 1 else f"the {days:,} days before"


def percent(share: float) -> str:
    """ "17 %", or "under 1 %" for a share between 0 and 1."""
    return "under 1 %" if 0 < share < 1 else f"{_within(share, 100):.0f} %"


def change(count: int) -> str:
    """ " (+6)", " (−5)", or "" if there is no change."""
    return f" ({'+' if count > 0 else MINUS}{abs(count):,})" if count else ""


def _hours(moment: datetime, before: str = "") -> str:
    return f"{before}{moment.hour}:{moment:%M}"


def _month_day(moment: datetime) -> str:
    return f"{MONTH_NAMES[moment.month - 1][:3]} {moment.day} "


def _local_time(value: float | str, zone: str) -> datetime | None:
    moment = _utc_time(value)
    try:
        return moment and moment.astimezone(_time_zone(zone) or UTC)
    except OverflowError:  # in the last hours of the year 9999
        return moment


@lru_cache(100)
def _time_zone(name: str) -> tzinfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (KeyError, ValueError, OSError):
        return None


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
    """`<url|words>`, or only the words if `url` is not a short http or https address.

    Characters that could end the link early are percent-encoded.
    """
    target = text.clean((url or "")[: URL + 1]).strip()
    shown = text.escape(_one_line(words))
    if len(target) > URL or not _WEB_ADDRESS.match(target):
        return TrustedText(shown)
    address = text.escape(quote(target, safe=_LEGAL_IN_URL))
    return TrustedText(f"<{address}|{shown}>" if shown else f"<{address}>")


def code(value: str | float | None) -> TrustedText:
    """Inline code on one line, or ""; backticks are replaced, because mrkdwn can't escape them."""
    words = _one_line("" if value is None else str(value))
    if not words:
        return TrustedText()
    return TrustedText(f"`{text.escape(words.replace('`', _LOOKS_LIKE_BACK_TICK))}`")


_FORMATS = re.compile(r"(?<!\w)[*_~]|`|:[^\s:]+:")  # ignores marks within words, as in get_invoice


def bold(name: str, limit: int) -> TrustedText:
    """An untrusted name in bold, or as inline code if Slack would read part of it as formatting."""
    return _formatted(name, limit, "*")


def unformatted(words: str, limit: int) -> TrustedText:
    """Untrusted text unchanged, or as inline code if Slack would read part of it as formatting."""
    return _formatted(words, limit, "")


def _formatted(words: str, limit: int, mark: str) -> TrustedText:
    shown = text.one_line(text.clean_start(words, limit))
    if _FORMATS.search(shown) or (mark and mark in shown):
        return code(shown)
    return TrustedText(f"{mark}{text.escape(shown)}{mark}" if shown else "")


def code_words(code: str) -> str:
    """ "price watch" for a code like PRICE_WATCH; other text is shown unchanged."""
    return code.replace("_", " ").lower() if re.fullmatch(r"\w{1,40}", code) else code


_LARGEST_COUNTED = 40_000  # characters of base64 that are decoded to count agents
_BYTE_UNITS = ((1_000_000, "MB"), (1_000, "kB"))


def byte_size(count: int) -> str:
    """ "168 B", "18 kB", "1.2 MB"."""
    for size, unit in _BYTE_UNITS:
        if count >= size:
            return f"{count / size:.{count < 10 * size:d}f} {unit}"
    return f"{count} B"


def export_words(data: str) -> str:
    """ "3 agents, 168 B" for a base64 export; only the size if it is large or unreadable."""
    decoded = b""
    if len(data) <= _LARGEST_COUNTED:
        with suppress(ValueError):
            decoded = b64decode("".join(data.split()), validate=True)
    count = _agents_in(decoded)
    size = byte_size(len(decoded) or len(data) * 3 // 4)
    return size if count is None else f"{plural(count, 'agent')}, {size}"


def _agents_in(exported: bytes) -> int | None:
    try:
        found = json.loads(exported)
    except (ValueError, RecursionError):
        return None
    agents = found.get("agents") if isinstance(found, dict) else None
    return len(agents) if isinstance(agents, list) else None


def _mention(sign: str, kinds: str, slack_id: str) -> TrustedText:
    """`<@U…>`, `<!subteam^S…>` or `<#C…>`; other text is inline code.

    In a new channel message, a mention notifies the user or the members of the user group.
    """
    if re.fullmatch(f"[{kinds}][A-Z0-9]{{1,30}}", slack_id):
        return TrustedText(f"<{sign}{slack_id}>")
    return code(slack_id)


def plural(count: int, one: str, many: str = "") -> str:
    """ "1 job", "1,204 jobs"; `many` is for irregular plurals."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def duration(seconds: float) -> str:
    """ "47 s", "2 min 14 s", "3 h 5 min", "2 d 4 h": the two largest units."""
    left = int(_within(seconds, MAX_DURATION_SECONDS))
    parts = []
    for size, unit in DURATION_UNITS:
        count, left = divmod(left, size)
        parts.append(f"{count} {unit}" if count else "")
    first = next((place for place, part in enumerate(parts) if part), len(parts) - 1)
    return " ".join(filter(None, parts[first : first + 2])) or "0 s"


def duration_between(since: float, until: float) -> str:
    """The duration from `since` to `until`, seconds since 1970 (any numbers): "2 min 14 s"."""
    return duration(_seconds_between(since, until))


def _seconds_between(since: float, until: float) -> float:
    seconds = _within(until, MAX_TIME_SECONDS) - _within(since, MAX_TIME_SECONDS)
    return _within(seconds, MAX_DURATION_SECONDS)


def _within(number: float, most: int) -> float:
    """`number`, but at least 0 and at most `most`; 0 for NaN."""
    return min(max(0, number), most)


def _shorten(value: str | None, limit: int) -> str:
    return text.clean_start(value or "", limit)


def _one_line(value: str | None) -> str:
    return text.one_line(text.clean_start(value or ""))


JINJA_FILTERS: Mapping[str, Callable[..., Any]] = {
    "chart_value": chart_value,
    "channel": partial(_mention, "#", "CG"),
    "bold": bold,
    "unformatted": unformatted,
    "code_words": code_words,
    "date": date_token,
    "clock_time": clock_time,
    "date_and_time": date_and_time,
    "export_words": export_words,
    "period": period,
    "since_words": since_words,
    "group_value": group_value,
    "period_before": period_before,
    "local_day": local_day,
    "percent": percent,
    "change": change,
    "day_and_month": day_and_month,
    "date_range": date_range,
    "link": link,
    "code": code,
    "duration": duration,
    "duration_until": duration_between,
    "excerpt": excerpt,
    "agent_message": partial(agent_message_blocks, reads=CARD_TEXT_LENGTH),
    "log_blocks": log_blocks,
    "plural": plural,
    "shorten": _shorten,
    "one_line": _one_line,
    "user": partial(_mention, "@", "UW"),
    "user_group": partial(_mention, "!subteam^", "S"),
    "time_of_day": time_of_day,
    "timezone_name": timezone_name,
    "weekdays": weekdays,
}
