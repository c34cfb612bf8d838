"""Bold, italic, code and links within one run of Markdown."""

from __future__ import annotations

from markdown_it.token import Token

from bot.say.links import shown_link
from bot.say.rich_text import Leaf, said, words

_STYLES = {"strong": "bold", "em": "italic", "s": "strike"}


def leaves(run: Token, *styles: str) -> list[Leaf]:
    """What a token of type "inline" holds, all of it in `styles`."""
    made: list[Leaf] = []
    held, url, start = list(styles), "", 0
    for token in run.children or []:
        mark = _STYLES.get(token.type.rpartition("_")[0])
        if mark:
            (held.append if token.nesting > 0 else held.remove)(mark)
        elif token.type == "link_open":
            url, start = str(token.attrGet("href") or ""), len(made)
        elif token.type == "link_close":
            made[start:] = shown_link(url, said(made[start:]), held)
        else:
            made += _leaf(token, held)
    return made


def _leaf(token: Token, styles: list[str]) -> list[Leaf]:
    if token.type == "image":
        return shown_link(str(token.attrGet("src") or ""), token.content, styles)
    if token.type in ("softbreak", "hardbreak"):
        return [words("\n")]
    if token.type == "code_inline":
        return [words(token.content, *styles, "code")]
    return [words(token.content, *styles)] if token.content else []
