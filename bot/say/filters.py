"""The filters that templates have besides Jinja's own.

`date`, `link`, `code`, `user` and `channel` write Slack's mark-up around outside values and belong
into `{% mrkdwn %}`; `lay_out` gives whole blocks, `{{ block }}` each; the others give plain words
for anywhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any
from urllib.parse import quote

from bot.say import text
from bot.say.chart import chart_value
from bot.say.excerpt import excerpt
from bot.say.layout import ON_CARD, lay_out
from bot.say.limits import URL
from bot.say.marks import Ours
from bot.say.schedule import bar, day, days_from, wall_clock, weekdays, zone

_WEB_ADDRESS = re.compile(r"https?://[^/?#\s]", re.IGNORECASE)
DURATIONS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))
LONGEST_DURATION = 10_000 * 86_400

_LEGAL_IN_URL = "%/:?#[]@!$&'()*+,;=~"
_LOOKS_LIKE_BACK_TICK = "\u02cb"


def date(value: float | str | None) -> Ours:
    """A time in the zone of whoever reads it; `value` is in seconds since 1970 or ISO 8601.

    Slack: `<!date^unix^format|fallback>`. A time without a zone is UTC; what is no time between
    1970 and 9999 is shown as it came, and None as nothing.
    """
    if value is None:
        return Ours()
    moment = _moment(value)
    if moment is None:
        return Ours(text.escape(text.clean_start(str(value))))
    fallback = f"{moment:%Y-%m-%d %H:%M} UTC"
    return Ours(f"<!date^{int(moment.timestamp())}^{{date_short_pretty}} {{time}}|{fallback}>")


def _moment(value: float | str) -> datetime | None:
    try:
        moment = _parsed(value).astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return moment if moment.year >= 1970 else None


def _parsed(value: float | str) -> datetime:
    if not isinstance(value, str):
        return datetime.fromtimestamp(value, UTC)
    moment = datetime.fromisoformat(value.strip())
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def link(url: str | None, words: str) -> Ours:
    """`<url|words>`, or only the words where `url` is no short http or https address.

    Whatever could end the link early is percent-encoded.
    """
    target = text.clean((url or "")[: URL + 1]).strip()
    shown = text.escape(_one_line(words))
    if len(target) > URL or not _WEB_ADDRESS.match(target):
        return Ours(shown)
    address = text.escape(quote(target, safe=_LEGAL_IN_URL))
    return Ours(f"<{address}|{shown}>" if shown else f"<{address}>")


def code(value: str | float | None) -> Ours:
    """Inline code on one line, nothing for nothing; mrkdwn has no escape for a back-tick in it."""
    words = _one_line("" if value is None else str(value))
    if not words:
        return Ours()
    return Ours(f"`{text.escape(words.replace('`', _LOOKS_LIKE_BACK_TICK))}`")


def user(user_id: str) -> Ours:
    """Slack's name for a user, who is told when this stands in a new message of a channel."""
    return _named("@", "UW", user_id)


def channel(channel_id: str) -> Ours:
    """Slack's name for a channel, as a link to it."""
    return _named("#", "CG", channel_id)


def _named(sign: str, kinds: str, slack_id: str) -> Ours:
    """`<@U…>` or `<#C…>`; what is no id of Slack's is letters."""
    if re.fullmatch(f"[{kinds}][A-Z0-9]{{1,30}}", slack_id):
        return Ours(f"<{sign}{slack_id}>")
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
    "date": date,
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
