"""Iterates over blocks: elements, options, and the length of all text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Object = dict[str, Any]


def elements(block: Object) -> Iterator[Object]:
    """What a person can press or fill in a block: of actions, a section's accessory, an input."""
    if block["type"] == "actions":
        yield from block["elements"]
    elif block["type"] == "section" and block.get("accessory", {}).get("type") != "image":
        yield from filter(None, [block.get("accessory")])
    elif block["type"] == "input":
        yield block["element"]


def options(element: Object) -> list[Object]:
    """All options of a select, overflow, checkboxes or radio buttons, those in groups too."""
    grouped = [o for group in element.get("option_groups", ()) for o in group["options"]]
    return [*element.get("options", ()), *grouped]


def text_length(blocks: object) -> int:
    """How many letters all `text` strings of the blocks have together, as Slack adds them up."""
    if isinstance(blocks, list):
        return sum(map(text_length, blocks))
    if not isinstance(blocks, dict):
        return 0
    text = blocks.get("text")
    own = len(text) if isinstance(text, str) else 0
    return own + sum(text_length(value) for value in blocks.values())
