"""Rich text as lines of text, for the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Json = Mapping[str, Any]


def draw_rich(block: Json) -> str:
    """A rich_text block; code stands between bars, a link shows its address behind it."""
    return "\n".join(line for part in block["elements"] for line in _part(part))


def _part(part: Json) -> Iterator[str]:
    if part["type"] == "rich_text_list":
        yield from _items(part)
        return
    before = {"rich_text_preformatted": "┃ ", "rich_text_quote": "> "}.get(part["type"], "")
    for line in _words(part).split("\n"):
        yield before + line


def _items(part: Json) -> Iterator[str]:
    first = part.get("offset", 0) + 1
    for number, item in enumerate(part["elements"], first):
        sign = f"{number}." if part["style"] == "ordered" else "•"
        yield f"{'   ' * part.get('indent', 0)}{sign} {_words(item)}"


def _words(part: Json) -> str:
    return "".join(_leaf(leaf) for leaf in part["elements"])


def _leaf(leaf: Json) -> str:
    if leaf["type"] == "text":
        return str(leaf["text"])
    if leaf["type"] == "link":
        text = leaf.get("text", leaf["url"])
        return text if text == leaf["url"] else f"{text} <{leaf['url']}>"
    raise ValueError(f"cannot draw a leaf of type {leaf['type']}")
