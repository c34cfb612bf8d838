"""Markdown into Slack's rich text, by the tokens of markdown-it.

Headings become bold, tables letters in columns, and HTML stays letters. What would take too long to
read, or nests deeper than anybody can follow, is not taken for Markdown.
"""

from __future__ import annotations

from markdown_it import MarkdownIt

from bot.say.markdown_writer import Writer
from bot.say.rich_text import Element

NESTING = 30
MOST_BRACKETS = 2000  # each "[" may begin a link, so markdown-it looks far ahead
MOST_LINES = 3000

# Without references, a short text cannot repeat a long address many times.
_parser = (
    MarkdownIt("commonmark", {"html": False, "maxNesting": NESTING})
    .enable(["table", "strikethrough"])
    .disable("reference")
)


def from_markdown(text: str) -> list[Element] | None:
    """The elements that `text` makes; None where it is not to be read as Markdown."""
    if text.count("[") > MOST_BRACKETS or text.count("\n") > MOST_LINES:
        return None
    tokens = _parser.parse(text)
    # markdown-it drops what lies deeper than it may go.
    if max((token.level for token in tokens), default=0) >= NESTING - 1:
        return None
    return Writer().written(tokens)
