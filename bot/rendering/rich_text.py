"""Builds Slack's rich text from untrusted text: text and links, never mentions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote, urlsplit
from zoneinfo import ZoneInfo

from bot.domain.records import parse_time
from bot.rendering.blockkit.limits import RICH_TEXT, URL
from bot.rendering.text import clean, one_line, shorten

MAX_HOST_LENGTH = 253  # DNS
MAX_LINK_TEXT_LENGTH = 300
"""A link and its host are not split, so they must be short."""

_HOST = re.compile(r"[a-z0-9.-]+")
_LOOKS_LIKE_URL = re.compile(r"://|\w\.\w{2,}")


def link_with_host(url: str, text: str, styles: Iterable[str] = ()) -> list[Leaf]:
    """A web link followed by its host; any other address is added to the text, without a link.

    If the text looks like an address or is very long, the URL is the link, shown after the text.
    """
    label = clean(one_line(text))
    host = web_host(url)
    is_itself = not label or _bare(label) in (_bare(url), _bare(unquote(url)))
    if not host:
        return [text_leaf(label if is_itself and label else f"{label} ({clean(url)})", *styles)]
    if is_itself:
        return [link(url, url, *styles)]
    if _LOOKS_LIKE_URL.search(label) or len(label) > MAX_LINK_TEXT_LENGTH:
        return [
            text_leaf(f"{label} (", *styles),
            link(url, url, *styles),
            text_leaf(")", *styles),
        ]
    return [link(url, label, *styles), text_leaf(f" ({host})", *styles)]


def web_host(url: str) -> str:
    """The host of an http or https address; "" for other text and for misleading addresses."""
    if len(url) > URL or not url.isascii() or not url.isprintable() or " " in url:
        return ""
    try:
        parts = urlsplit(url)
        is_web = parts.scheme in ("http", "https") and "@" not in parts.netloc
        host = parts.hostname or ""
    except ValueError:
        return ""
    is_host = len(host) <= MAX_HOST_LENGTH and _HOST.fullmatch(host)
    return host if is_web and is_host else ""


def _bare(address: str) -> str:
    return re.sub(r"\Ahttps?://", "", address.casefold()).rstrip("/")


Leaf = dict[str, Any]
Element = dict[str, Any]
Block = dict[str, Any]

MAX_ELEMENTS = 200  # in one element; Slack documents no limit


def text_leaf(text: str, *styles: str) -> Leaf:
    """Text that is shown unchanged; the styles are bold, italic, strike and code."""
    return _styled({"type": "text", "text": text}, styles)


def link(url: str, text: str, *styles: str) -> Leaf:
    """A link to an address that `link_with_host` has checked."""
    return _styled({"type": "link", "url": url, "text": text}, styles)


def leaves_text(leaves: Iterable[Leaf]) -> str:
    """The text of all leaves, joined."""
    return "".join(leaf["text"] for leaf in leaves)


def elements(kind: str, leaves: Iterable[Leaf]) -> list[Element]:
    """Elements of one kind, split so that none is too long."""
    cleaned = (leaf | {"text": clean(leaf["text"])} for leaf in leaves)
    return [{"type": kind, "elements": portion} for portion in _split_leaves(_joined(cleaned))]


def code_block(text: str) -> list[Element]:
    """`text` as a code block."""
    return elements("rich_text_preformatted", [text_leaf(text)])


def section(text: str) -> list[Element]:
    """`text` as a section, without formatting."""
    return elements("rich_text_section", [text_leaf(text)])


def blocks(parts: Iterable[Element]) -> list[Block]:
    """`parts` in blocks of at most RICH_TEXT characters."""
    made: list[Block] = []
    room = 0
    for part in parts:
        length = text_length(part)
        if length > room:
            made.append({"type": "rich_text", "elements": []})
            room = RICH_TEXT
        made[-1]["elements"].append(part)
        room -= length
    return made


MAX_LOG_MESSAGE_LENGTH = 1_000


def log_blocks(lines: Iterable[tuple[str, str, str, str]], zone: str) -> list[Block]:
    """Log lines (time, severity, agent, message) in code blocks.

    Times are in `zone`, an IANA time zone name, or in UTC; with the date if the lines are from
    several days. The severity INFO is left out.
    """
    listed = list(lines)
    times = [_local_time(line[0], zone) or line[0] for line in listed]
    days = {time.date() for time in times if isinstance(time, datetime)}
    texts = [
        _log_line(time, *line[1:], with_day=len(days) > 1)
        for time, line in zip(times, listed, strict=True)
    ]
    return [{"type": "rich_text", "elements": code_block(part)} for part in _joined_lines(texts)]


def _joined_lines(lines: Iterable[str]) -> list[str]:
    """Join the lines into as few texts of at most RICH_TEXT characters as possible."""
    made: list[str] = []
    for line in lines:
        if made and len(made[-1]) + len(line) < RICH_TEXT:
            made[-1] += f"\n{line}"
        else:
            made.append(line)
    return made


def _log_line(
    time: datetime | str, severity: str, agent_id: str, message: str, *, with_day: bool
) -> str:
    level = "" if severity == "INFO" else severity
    words = shorten(one_line(clean(message)), MAX_LOG_MESSAGE_LENGTH) or "(no text)"
    parts = [_clock_time(time, with_day=with_day), level[:40], agent_id[:80]]
    return "  ".join([*filter(None, (one_line(clean(part)) for part in parts)), words])


def _clock_time(time: datetime | str, *, with_day: bool) -> str:
    """Format a time to the millisecond, after the date if `with_day` is set."""
    if isinstance(time, str):
        return time[:40]
    return f"{time:{'%m-%d ' if with_day else ''}%H:%M:%S}.{time.microsecond // 1000:03}"


def _local_time(timestamp: str, zone: str) -> datetime | None:
    moment = parse_time(timestamp)
    with suppress(ValueError, OverflowError, KeyError, OSError):
        return moment and moment.astimezone(ZoneInfo(zone) if zone else UTC)
    return moment


def text_length(part: Any) -> int:
    """The number of characters in all leaves of an element or a list of elements."""
    if isinstance(part, list):
        return sum(map(text_length, part))
    return len(part["text"]) if "text" in part else text_length(part["elements"])


def _styled(leaf: Leaf, styles: tuple[str, ...]) -> Leaf:
    return leaf | {"style": dict.fromkeys(styles, True)} if styles else leaf


def _joined(leaves: Iterable[Leaf], *, hosts: bool = False) -> list[Leaf]:
    """Merge neighboring leaves of the same style; keep the hosts of links only with `hosts`."""
    made: list[Leaf] = []
    for leaf in leaves:
        is_same = bool(made) and leaf | {"text": ""} == made[-1] | {"text": ""}
        is_behind_host = len(made) > 1 and _has_host(made[-2])
        if leaf["type"] == "text" and is_same and (hosts or not is_behind_host):
            made[-1] = made[-1] | {"text": made[-1]["text"] + leaf["text"]}
        else:
            made.append(leaf)
    return made


def _has_host(leaf: Leaf) -> bool:
    """Whether this leaf is a link that is followed by its host."""
    return bool(leaf["type"] == "link" and leaf["text"] != leaf["url"])


def _split_leaves(leaves: Iterable[Leaf]) -> Iterator[list[Leaf]]:
    portion: list[Leaf] = []
    room = RICH_TEXT
    for unit in _units(piece for leaf in leaves for piece in _pieces(leaf)):
        length = len(leaves_text(unit))
        if portion and (length > room or len(portion) + len(unit) > MAX_ELEMENTS):
            yield _joined(portion, hosts=True)
            portion, room = [], RICH_TEXT
        portion += unit
        room -= length
    if portion:
        yield _joined(portion, hosts=True)


def _units(pieces: Iterable[Leaf]) -> Iterator[list[Leaf]]:
    """Groups of pieces that must not be split: a link with its host, or a single piece."""
    waiting: list[Leaf] = []
    for piece in pieces:
        waiting.append(piece)
        if not _has_host(piece):
            yield waiting
            waiting = []
    if waiting:
        yield waiting


def _pieces(leaf: Leaf) -> Iterator[Leaf]:
    """Split a leaf into short enough pieces, after a line or a word; no pieces if it is empty."""
    rest = leaf["text"]
    while len(rest) > RICH_TEXT:
        ends = (rest.rfind(space, RICH_TEXT // 2, RICH_TEXT) + 1 for space in "\n ")
        end = next(filter(None, ends), RICH_TEXT)
        yield leaf | {"text": rest[:end]}
        rest = rest[end:]
    if rest:
        yield leaf | {"text": rest}
