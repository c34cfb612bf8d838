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

ON_CARD = 50_000
"""Characters of a text that are read on the event loop; the whole text comes as a file."""

MOST_BYTES = 200_000


@dataclass(frozen=True, slots=True)
class Layout:
    """`blocks` are rich text, each of at most 3,000 characters; `length` is the whole text's."""

    blocks: list[Block]
    is_whole: bool
    length: int


def lay_out(text: str | None, room: int, reads: int | None = None) -> Layout:
    """The first `room` characters of `text`, up to a paragraph, a line or a word.

    Reads no more than `reads` characters: whether a longer text is JSON is not looked at.
    """
    found = read((text or "")[:reads])
    whole = pretty(found.words, room) if found.kind == "json" else found.words
    start, is_whole = _beginning(whole, room), reads is None or len(text or "") <= reads
    return Layout(
        blocks(_elements(found.kind, start)), is_whole and start == whole, len(text or "")
    )


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
