"""The text that all blocks of a message may hold together, shared out fairly."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bot.say import limits
from bot.say.cut import cut_as
from bot.say.rules import Part

SHORTEST = 100
"""Characters that any text keeps; when that is still too much, whole blocks go."""

ROOM_FOR_COUNT = 40
"""Characters that the words about what was left out may take."""


def within_budget(blocks: list[Part], reserved: int = 0) -> list[Part]:
    """`blocks` with at most MESSAGE_BLOCKS_TEXT characters of text, less those `reserved`.

    The longest texts are shortened first, all to the same length; if that does not do, blocks go
    from the end. Once anything goes, room is left for the words that say so.
    """
    lengths = [length for block in blocks for length in _lengths(block)]
    if sum(lengths) <= limits.MESSAGE_BLOCKS_TEXT - reserved:
        return blocks
    room = limits.MESSAGE_BLOCKS_TEXT - ROOM_FOR_COUNT
    level = max(_fair_level(lengths, room), SHORTEST)
    return _first_within([_shortened(block, level) for block in blocks], room)


def _lengths(part: Any) -> Iterator[int]:
    """How long each `text` is that stands anywhere in `part`."""
    if isinstance(part, list):
        for item in part:
            yield from _lengths(item)
    elif isinstance(part, dict):
        for name, item in part.items():
            if isinstance(item, dict | list):
                yield from _lengths(item)
            elif name == "text" and isinstance(item, str):
                yield len(item)


def _fair_level(lengths: list[int], room: int) -> int:
    """The length at which texts have to end so that all fit into `room`."""
    left = room
    ordered = sorted(lengths)
    for place, length in enumerate(ordered):
        share = left // (len(ordered) - place)
        if length > share:
            return share
        left -= length
    return room


def _shortened(part: Any, level: int) -> Any:
    if isinstance(part, list):
        return [_shortened(item, level) for item in part]
    if not isinstance(part, dict):
        return part
    fitted = {key: _shortened(item, level) for key, item in part.items()}
    if isinstance(part.get("text"), str):
        fitted["text"] = cut_as(part.get("type", ""), part["text"], level)
    return fitted


def _first_within(blocks: list[Part], room: int) -> list[Part]:
    left = room
    for place, block in enumerate(blocks):
        left -= sum(_lengths(block))
        if left < 0:
            return blocks[:place]
    return blocks
