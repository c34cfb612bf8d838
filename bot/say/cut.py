"""Shorten mrkdwn without leaving half of an entity, of a link or of a piece of code."""

from __future__ import annotations

import re

from bot.say.text import ELLIPSIS, head, shorten

_FENCE = "```"
_CODE_MARK = re.compile("```|`|\n")
_PART_OF_ENTITY = re.compile(r"&[a-z]{0,3}\Z")
_MARKED_UP = frozenset({"mrkdwn", "markdown"})


def cut_as(kind: str, text: str, limit: int) -> str:
    """`text` of an object of type `kind` in at most `limit` characters."""
    return cut(text, limit) if kind in _MARKED_UP else shorten(text, limit)


def cut(text: str, limit: int) -> str:
    """Mrkdwn in at most `limit` characters; what is cut ends with "…" and stays well-formed."""
    if len(text) <= limit:
        return text
    kept = _without_parts(text, head(text, limit - len(_FENCE + ELLIPSIS)))
    return shorten(_closed(text, kept) + ELLIPSIS, limit)


def _without_parts(text: str, kept: str) -> str:
    """`kept`, the beginning of `text`, without the pieces that the cut went through."""
    opened = kept.rfind("<")
    if opened > kept.rfind(">"):
        kept = kept[:opened]
    kept = _PART_OF_ENTITY.sub("", kept)
    if text.startswith("`", len(kept)):
        kept = kept.rstrip("`")
    return kept.rstrip()


def _closed(text: str, kept: str) -> str:
    """`kept` with the code closed that it leaves open."""
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
    """Whether a back-tick follows on the same line: one without is a letter, not code."""
    tick, line_end = text.find("`", start), text.find("\n", start)
    return tick >= 0 and (line_end < 0 or tick < line_end)
