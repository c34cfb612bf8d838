"""What an agent wrote, laid out in blocks: as much of it as there is room for."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from bot.say.agent_text import Kind, read
from bot.say.json_text import pretty
from bot.say.rich_text import Block, Element, blocks, code_block, section, text_length
from bot.say.text import head

IN_MODAL = 50_000
"""Characters that a modal holds for certain, whatever they are. Slack: 250 kB a view."""

MOST_BYTES = 200_000


@dataclass(frozen=True, slots=True)
class Layout:
    """`blocks` are rich text, each of at most 3,000 characters; `length` is the whole text's."""

    blocks: list[Block]
    is_whole: bool
    length: int


def lay_out(text: str | None, room: int) -> Layout:
    """The first `room` characters of `text`, up to a paragraph, a line or a word.

    The time it takes grows with `room`, hardly with `text`.
    """
    found = read(text or "")
    whole = pretty(found.words, room) if found.kind == "json" else found.words
    start = _beginning(whole, room)
    return Layout(blocks(_elements(found.kind, start)), start == whole, len(text or ""))


def _elements(kind: Kind, start: str) -> list[Element]:
    made = _MAKE[kind](start)
    return section(start) if made is None or _has_grown(made, start) else made


def _has_grown(made: list[Element], start: str) -> bool:
    """Whether a few signs have become so much that it would no longer fit."""
    sent = json.dumps(made, ensure_ascii=False).encode("utf-8", "replace")
    return text_length(made) > 2 * len(start) + 200 or len(sent) > MOST_BYTES


def _beginning(words: str, room: int) -> str:
    if len(words) <= room:
        return words
    ends = (words.rfind(end, room // 2, room) for end in ("\n\n", "\n"))
    end = next((end for end in ends if end > 0), 0)
    return words[:end].rstrip() if end else head(words, room)


def _from_markdown(start: str) -> list[Element] | None:
    from bot.say.markdown import from_markdown  # a twentieth of the start; lists do not need it

    return from_markdown(start)


_MAKE: dict[Kind, Callable[[str], list[Element] | None]] = {
    "json": code_block,
    "markdown": _from_markdown,
    "plain": section,
}
