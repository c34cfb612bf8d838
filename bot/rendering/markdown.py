"""Converts Markdown to Slack's rich text, using markdown-it's tokens."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from markdown_it import MarkdownIt
from markdown_it.token import Token

from bot.rendering.blockkit.limits import RICH_TEXT
from bot.rendering.rich_text import (
    MAX_ELEMENTS,
    Element,
    Leaf,
    code_block,
    elements,
    leaves_text,
    link_with_host,
    text_leaf,
    text_length,
)

_STYLES = {"strong": "bold", "em": "italic", "s": "strike"}


def leaves(run: Token, *styles: str) -> list[Leaf]:
    """The elements of a token of type "inline", each with `styles`."""
    made: list[Leaf] = []
    active, url, start = list(styles), "", 0
    for token in run.children or []:
        mark = _STYLES.get(token.type.rpartition("_")[0])
        if mark:
            (active.append if token.nesting > 0 else active.remove)(mark)
        elif token.type == "link_open":
            url, start = str(token.attrGet("href") or ""), len(made)
        elif token.type == "link_close":
            made[start:] = link_with_host(url, leaves_text(made[start:]), active)
        else:
            made += _leaf(token, active)
    return made


def _leaf(token: Token, styles: list[str]) -> list[Leaf]:
    if token.type == "image":
        return link_with_host(str(token.attrGet("src") or ""), token.content, styles)
    if token.type in ("softbreak", "hardbreak"):
        return [text_leaf("\n")]
    if token.type == "code_inline":
        return [text_leaf(token.content, *styles, "code")]
    return [text_leaf(token.content, *styles)] if token.content else []


MAX_COLUMN_WIDTH = 40  # characters; a longer cell moves the rest of its line to the right
COLUMN_GAP = "  "


@dataclass(frozen=True, slots=True)
class Cell:
    words: str
    is_right: bool = False


def table_rows(tokens: Iterator[Token]) -> Iterator[list[Cell]]:
    """Read the rows of a table from `tokens`, up to its end."""
    cells: list[Cell] = []
    is_right = False
    for token in tokens:
        if token.type in ("th_open", "td_open"):
            is_right = "right" in str(token.attrGet("style"))
        elif token.type == "inline":
            cells.append(Cell(leaves_text(leaves(token)), is_right))
        elif token.type == "tr_close":
            yield cells
            cells = []
        elif token.type == "table_close":
            return


def table_lines(table: Iterable[Sequence[Cell]]) -> str:
    """A line for each row, and a rule below the first."""
    lines = list(table)
    widths = [
        max(min(len(cell.words), MAX_COLUMN_WIDTH) for cell in column)
        for column in zip_longest(*lines, fillvalue=Cell(""))
    ]
    head, *body = [_line(row, widths) for row in lines]
    rule = COLUMN_GAP.join("─" * width for width in widths)
    return "\n".join([head, rule, *body])


def _line(row: Sequence[Cell], widths: Sequence[int]) -> str:
    padded = (
        cell.words.rjust(width) if cell.is_right else cell.words.ljust(width)
        for cell, width in zip(row, widths, strict=False)
    )
    return COLUMN_GAP.join(padded).rstrip()


MAX_LIST_DEPTH = 8  # Slack: rich_text_list, indent
MAX_LIST_OFFSET = 999  # not documented; higher numbers are written as text
RULE = "―――"


@dataclass(slots=True)
class _List:
    """An open list; `number` is the current item's number, or None in a bulleted list."""

    number: int | None
    is_item_begun: bool = False


class RichTextWriter:
    """Converts tokens to elements; collects the leaves of a list item or of adjacent paragraphs."""

    def __init__(self) -> None:
        self._elements: list[Element] = []
        self._leaves: list[Leaf] = []
        self._lists: list[_List] = []
        self._quotes = 0
        self._styles: tuple[str, ...] = ()

    def written(self, tokens: Iterable[Token]) -> list[Element]:
        rest = iter(tokens)
        for token in rest:
            if token.type == "table_open":
                self._add(code_block(table_lines(table_rows(rest))))
            elif take := _HANDLED_TOKENS.get(token.type):
                take(self, token)
        self._end()
        return self._elements

    def run(self, token: Token) -> None:
        self._gather(leaves(token, *self._styles))

    def heading(self, token: Token) -> None:
        self._styles = ("bold",) if token.nesting > 0 else ()

    def rule(self, _: Token) -> None:
        self._gather([text_leaf(RULE)])

    def code(self, token: Token) -> None:
        self._add(code_block(token.content.rstrip("\n")))

    def quote(self, token: Token) -> None:
        self._end()
        self._quotes += token.nesting

    def open_list(self, token: Token) -> None:
        self._end()
        start = token.attrGet("start")
        first = int(1 if start is None else start) if token.type.startswith("ordered") else None
        self._lists.append(_List(first))

    def close_list(self, _: Token) -> None:
        self._lists.pop()

    def close_item(self, _: Token) -> None:
        self._end()
        here = self._lists[-1]
        here.is_item_begun = False
        if here.number is not None:
            here.number += 1

    def _gather(self, more: list[Leaf]) -> None:
        if self._leaves:
            self._leaves.append(text_leaf("\n" if self._lists else "\n\n"))
        self._leaves += more

    def _add(self, more: list[Element]) -> None:
        self._end()
        self._elements += more

    def _end(self) -> None:
        gathered, self._leaves = self._leaves, []
        if not leaves_text(gathered).strip():
            return
        begins_item = bool(self._lists) and not self._lists[-1].is_item_begun
        if begins_item and not self._quotes:
            self._begin_item(gathered)
        elif begins_item:
            self._elements += elements("rich_text_quote", [text_leaf(self._marker()), *gathered])
        else:
            kind = "rich_text_quote" if self._quotes else "rich_text_section"
            self._elements += elements(kind, gathered)
        if self._lists:
            self._lists[-1].is_item_begun = True

    def _marker(self) -> str:
        number = self._lists[-1].number
        return "• " if number is None else f"{number}. "

    def _begin_item(self, gathered: list[Leaf]) -> None:
        number = self._lists[-1].number
        if number is not None and not 0 < number <= MAX_LIST_OFFSET:
            self._elements += elements("rich_text_section", [text_leaf(self._marker()), *gathered])
            return
        item, *more = elements("rich_text_section", gathered)
        self._add_item(item, number, min(len(self._lists) - 1, MAX_LIST_DEPTH))
        self._elements += more

    def _add_item(self, item: Element, number: int | None, indent: int) -> None:
        if self._elements and _follows(self._elements[-1], item, number, indent):
            self._elements[-1]["elements"].append(item)
            return
        made = {"type": "rich_text_list", "style": "ordered" if number else "bullet"}
        offset = {"offset": number - 1} if number and number > 1 else {}
        self._elements.append(made | {"indent": indent} | offset | {"elements": [item]})


def _follows(last: Element, item: Element, number: int | None, indent: int) -> bool:
    """Whether `item` can be added to the last list that was written."""
    if last["type"] != "rich_text_list" or last["indent"] != indent:
        return False
    items = last["elements"]
    next_number = last.get("offset", 0) + len(items) + 1 if last["style"] == "ordered" else None
    has_room = text_length(last) + text_length(item) <= RICH_TEXT and len(items) < MAX_ELEMENTS
    return has_room and number == next_number


_HANDLED_TOKENS: Mapping[str, Callable[[RichTextWriter, Token], None]] = {
    "inline": RichTextWriter.run,
    "heading_open": RichTextWriter.heading,
    "heading_close": RichTextWriter.heading,
    "hr": RichTextWriter.rule,
    "fence": RichTextWriter.code,
    "code_block": RichTextWriter.code,
    "blockquote_open": RichTextWriter.quote,
    "blockquote_close": RichTextWriter.quote,
    "bullet_list_open": RichTextWriter.open_list,
    "bullet_list_close": RichTextWriter.close_list,
    "ordered_list_open": RichTextWriter.open_list,
    "ordered_list_close": RichTextWriter.close_list,
    "list_item_close": RichTextWriter.close_item,
}


MAX_NESTING = 30
MAX_BRACKETS = 2000  # each "[" may begin a link, so markdown-it reads far ahead
MAX_LINES = 3000

# Without references, a short text cannot repeat a long address many times.
_parser = (
    MarkdownIt("commonmark", {"html": False, "maxNesting": MAX_NESTING})
    .enable(["table", "strikethrough"])
    .disable("reference")
)


def from_markdown(text: str) -> list[Element] | None:
    """`text` as elements; None if it should not be parsed as Markdown."""
    if text.count("[") > MAX_BRACKETS or text.count("\n") > MAX_LINES:
        return None
    tokens = _parser.parse(text)
    # markdown-it drops content below its maximum depth.
    if max((token.level for token in tokens), default=0) >= MAX_NESTING - 1:
        return None
    return RichTextWriter().written(tokens)
