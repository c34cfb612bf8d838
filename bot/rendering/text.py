"""Makes untrusted text safe to show: removes control characters, escapes and shortens."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

from bot.rendering.blockkit.limits import MESSAGE_BLOCKS_TEXT

ELLIPSIS = "…"

_CONTROLS = "\x00-\x08\x0b-\x1f\x7f-\x9f"
_BIDIRECTIONAL = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
# Unicode reserves these for internal use, and `bot.rendering.parse` uses some of them.
_NON_CHARACTERS = "\ufdd0-\ufdef" + "".join(
    chr(plane + 0xFFFE) + chr(plane + 0xFFFF) for plane in range(0, 0x110000, 0x10000)
)
_REMOVED = re.compile(f"[{_CONTROLS}{_BIDIRECTIONAL}{_NON_CHARACTERS}]")
_SURROGATE = re.compile("[\ud800-\udfff]")

_ZERO_WIDTH_JOINER = "\u200d"
_SKIN_TONES = "\U0001f3fb\U0001f3fc\U0001f3fd\U0001f3fe\U0001f3ff"
_READ_PER_SHOWN = 4  # cleaning can remove characters
_LONGEST_CHARACTER = 32  # code points; more combining characters are cut


def clean(value: Any) -> Any:
    """`value` without characters that messages must not contain, at any depth of lists and dicts.

    Removes control characters other than tab and newline (any line ending becomes a newline),
    bidirectional controls and Unicode non-characters. A lone surrogate, which cannot be sent as
    UTF-8, becomes U+FFFD. Other values are returned as they are.
    """
    if isinstance(value, str):
        return _clean_text(value)
    if isinstance(value, dict):
        return {clean(key): clean(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [clean(item) for item in value]
    return value


def _clean_text(text: str) -> str:
    if text.isprintable() or text.replace("\n", "").isprintable():  # nearly all text; fast
        return str.__str__(text)
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return _SURROGATE.sub("\ufffd", _REMOVED.sub("", text))


def escape(text: str) -> str:
    """`text` escaped for mrkdwn. Slack: escape `&`, `<` and `>`, and nothing else."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def one_line(text: str) -> str:
    """`text` with each run of white space, including line breaks, replaced by one space."""
    return " ".join(text.split())


def is_blank(text: object) -> bool:
    """Whether Slack would refuse `text` as empty; also true of values that are not text."""
    return not isinstance(text, str) or not text or text.isspace()


def shorten(text: str, limit: int) -> str:
    """`text` in at most `limit` characters (code points); "…" marks a cut."""
    if len(text) <= limit:
        return text
    return head(text, limit - 1) + ELLIPSIS if limit > 0 else ""


def clean_start(text: str, limit: int = MESSAGE_BLOCKS_TEXT) -> str:
    """`shorten(clean(text), limit)`, in a time independent of the length of `text`.

    No message can hold more characters than the default limit.
    """
    if len(text) <= limit and text.isprintable():  # the most common case
        return str.__str__(text)
    read = limit * _READ_PER_SHOWN
    start = clean(text[:read])
    return shorten(start if len(text) <= read else start + ELLIPSIS, limit)


def head(text: str, room: int) -> str:
    """The start of a longer `text`, at most `room` characters, up to a word's end if possible."""
    end = _between_characters(text, max(room, 0))
    near = end - end // 5
    gap = max(text.rfind(space, near, end + 1) for space in " \n\t")
    return text[: gap if gap > 0 else end].rstrip()


def _between_characters(text: str, end: int) -> int:
    """The last position up to `end` that does not split a letter with accents or an emoji."""
    for place in range(end, max(end - _LONGEST_CHARACTER, 0), -1):
        if not _continues(text[place]) and text[place - 1] != _ZERO_WIDTH_JOINER:
            return place
    return end


def _continues(character: str) -> bool:
    return (
        character == _ZERO_WIDTH_JOINER
        or character in _SKIN_TONES
        or unicodedata.category(character).startswith("M")
    )


_FENCE = "```"
_CODE_MARK = re.compile("```|`|\n")
_PART_OF_ENTITY = re.compile(r"&[a-z]{0,3}\Z")
_MARKED_UP = frozenset({"mrkdwn", "markdown"})


def cut_as(kind: str, text: str, limit: int) -> str:
    """Shorten the `text` of an object of type `kind` to at most `limit` characters."""
    return cut(text, limit) if kind in _MARKED_UP else shorten(text, limit)


def cut(text: str, limit: int) -> str:
    """Mrkdwn in at most `limit` characters; a cut is marked with "…" and stays well-formed."""
    if len(text) <= limit:
        return text
    kept = _without_parts(text, head(text, limit - len(_FENCE + ELLIPSIS)))
    return shorten(_closed(text, kept) + ELLIPSIS, limit)


def _without_parts(text: str, kept: str) -> str:
    """`kept`, the start of `text`, without links, entities and code marks that the cut split."""
    opened = kept.rfind("<")
    if opened > kept.rfind(">"):
        kept = kept[:opened]
    kept = _PART_OF_ENTITY.sub("", kept)
    if text.startswith("`", len(kept)):
        kept = kept.rstrip("`")
    return kept.rstrip()


def _closed(text: str, kept: str) -> str:
    """`kept` with its open code closed."""
    opened = _open_code(kept)
    if opened is None:
        return kept
    if opened.end() == len(kept):
        return kept[: opened.start()].rstrip()
    if opened[0] == _FENCE or _ends_on_its_line(text, len(kept)):
        return kept + opened[0]
    return kept


def _open_code(kept: str) -> re.Match[str] | None:
    opened: re.Match[str] | None = None
    for mark in _CODE_MARK.finditer(kept):
        if opened is None:
            opened = None if mark[0] == "\n" else mark
        elif opened[0] == mark[0] or (opened[0] == "`" and mark[0] == "\n"):
            opened = None
    return opened


def _ends_on_its_line(text: str, start: int) -> bool:
    """Whether another backtick follows on the same line: without it, there is no code."""
    tick, line_end = text.find("`", start), text.find("\n", start)
    return tick >= 0 and (line_end < 0 or tick < line_end)
