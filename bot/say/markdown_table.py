"""Tables as letters in columns: a message may hold one table of Slack's, and a modal none."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from markdown_it.token import Token

from bot.say.markdown_inline import leaves
from bot.say.rich_text import said

WIDEST = 40  # characters; a longer cell pushes the rest of its line aside
GAP = "  "


@dataclass(frozen=True, slots=True)
class Cell:
    words: str
    is_right: bool = False


def rows(tokens: Iterator[Token]) -> Iterator[list[Cell]]:
    """The rows of the table that `tokens` stand in; what follows the table is left there."""
    cells: list[Cell] = []
    is_right = False
    for token in tokens:
        if token.type in ("th_open", "td_open"):
            is_right = "right" in str(token.attrGet("style"))
        elif token.type == "inline":
            cells.append(Cell(said(leaves(token)), is_right))
        elif token.type == "tr_close":
            yield cells
            cells = []
        elif token.type == "table_close":
            return


def columns(table: Iterable[Sequence[Cell]]) -> str:
    """One line a row, with a rule below the first."""
    lines = list(table)
    widths = [
        max(min(len(cell.words), WIDEST) for cell in column)
        for column in zip_longest(*lines, fillvalue=Cell(""))
    ]
    head, *body = [_line(row, widths) for row in lines]
    rule = GAP.join("─" * width for width in widths)
    return "\n".join([head, rule, *body])


def _line(row: Sequence[Cell], widths: Sequence[int]) -> str:
    padded = (
        cell.words.rjust(width) if cell.is_right else cell.words.ljust(width)
        for cell, width in zip(row, widths, strict=False)
    )
    return GAP.join(padded).rstrip()
