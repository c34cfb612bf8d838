"""JSON shown to people: only its white space changes, so numbers, order and doubled keys stay."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from bot.say.text import clean

INDENT = 2
DEEPEST = 20  # levels; beyond that lines are indented no further

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{},:]|[^\s\[\]{},:"]+', re.DOTALL)
_CLOSED_BY = {"{": "}", "[": "]"}


def pretty(text: str, limit: int) -> str:
    """Valid JSON on indented lines: all of it, or a beginning longer than `limit` characters."""
    made: list[str] = []
    length = 0
    for piece in _indented(_tokens(text)):
        made.append(piece)
        length += len(piece)
        if length > limit:
            break
    return "".join(made)


def pretty_within(text: str, most: int) -> str:
    """Valid JSON on indented lines, or as it is where that would take more than `most`."""
    shown = pretty(text, most) if len(text) <= most else text
    return shown if len(shown) <= most else text


def _indented(tokens: Iterator[str]) -> Iterator[str]:
    depth, before = 0, ""
    for token in tokens:
        if token in ("}", "]"):
            depth -= 1
            yield token if _CLOSED_BY.get(before) == token else _line(depth) + token
        else:
            yield _line(depth) + token if before in _CLOSED_BY else token
            depth += token in _CLOSED_BY
            yield {",": _line(depth), ":": " "}.get(token, "")
        before = token


def _line(depth: int) -> str:
    return "\n" + " " * (INDENT * min(depth, DEEPEST))


def _tokens(text: str) -> Iterator[str]:
    for found in _TOKEN.finditer(text):
        yield _readable(found[0]) if "\\u" in found[0] else found[0]


def _readable(token: str) -> str:
    r"""A string with its letters instead of `\u00fc`, unless one of them cannot be shown."""
    shown = json.dumps(json.loads(token, strict=False), ensure_ascii=False)
    return shown if clean(shown) == shown else token
