"""Iterates over blocks: their elements, options, and the length of their texts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Object = dict[str, Any]


def elements(block: Object) -> Iterator[Object]:
    """Return the interactive elements of a block: those of actions, an accessory, or an input."""
    if block["type"] == "actions":
        yield from block["elements"]
    elif block["type"] == "section" and block.get("accessory", {}).get("type") != "image":
        yield from filter(None, [block.get("accessory")])
    elif block["type"] == "input":
        yield block["element"]


def options(element: Object) -> list[Object]:
    """Return all options of an element, including those in groups."""
    grouped = [o for group in element.get("option_groups", ()) for o in group["options"]]
    return [*element.get("options", ()), *grouped]


def text_length(blocks: object) -> int:
    """Return the total length of all `text` strings of the blocks, as Slack counts them."""
    if isinstance(blocks, list):
        return sum(map(text_length, blocks))
    if not isinstance(blocks, dict):
        return 0
    text = blocks.get("text")
    own = len(text) if isinstance(text, str) else 0
    return own + sum(text_length(value) for value in blocks.values())
