"""The `q` language: clauses `path:condition` joined by spaces, all of which must hold.

    q          = [clause *(space clause)]
    condition  = "null" / "missing" / "exists"
               / "~" word / "~(" pattern ")"            regular expression, in any case
               / comparison / "(" comparison *(" AND " comparison) ")"
               / "(" value *("," value) ")"                    one of
               / value
    comparison = (">=" / "<=" / ">" / "<") (number / date)
    value      = bare / DQUOTE *(character / "\\" character) DQUOTE

Emporix: standard practices, query parameter; there is no OR across fields for the AI Service.
"""

from __future__ import annotations

import re

from sandbox.emporix import query_conditions
from sandbox.emporix.json_paths import Document, Reader, reader
from sandbox.emporix.query_conditions import Malformed, Test

__all__ = ["Malformed", "matching"]

SPACE = re.compile(r"\s+")
PATH = re.compile(r"([A-Za-z_][\w-]*(?:\.[\w-]+)*):", re.ASCII)
PRESENCE = re.compile(r"(null|missing|exists)(?!\S)")
OPERATOR = re.compile(r">=|<=|>|<")
WORD = re.compile(r"[^\s(]\S*")
BARE = re.compile(r'[^\s"(),]+')
QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
AND = re.compile(r"\s+AND\s+")
COMMA = re.compile(r"\s*,\s*")
# A class in brackets or an escaped character hides its parentheses from the count.
PIECE = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|.", re.DOTALL)


def matching(documents: list[Document], q: str) -> list[Document]:
    """The documents that fit, in their order; all of them for an empty `q`. Raises Malformed."""
    for read, test in _Parser(q).clauses():
        documents = [document for document in documents if test(read(document))]
    return documents


class _Parser:
    def __init__(self, text: str) -> None:
        self.text, self.at = text.strip(), 0

    def clauses(self) -> list[tuple[Reader, Test]]:
        found = []
        while self.at < len(self.text):
            found.append((reader(self.need(PATH, "field:")), self.condition()))
            if self.at < len(self.text):
                self.need(SPACE, "a space between clauses")
        return found

    def condition(self) -> Test:
        if word := self.take(PRESENCE):
            return query_conditions.presence(word)
        return query_conditions.any_item(self.item_condition())

    def item_condition(self) -> Test:
        if self.symbol("~"):
            return query_conditions.regex(self.pattern())
        if self.sees(OPERATOR):
            return self.comparison()
        if not self.symbol("("):
            return query_conditions.one_of({self.value()})
        test = self.range() if self.sees(OPERATOR) else self.alternatives()
        if not self.symbol(")"):
            raise self.trouble(")")
        return test

    def pattern(self) -> str:
        if not self.symbol("("):
            return self.need(WORD, "a regular expression")
        start, depth = self.at, 1
        while piece := self.take(PIECE):
            depth += {"(": 1, ")": -1}.get(piece, 0)
            if depth == 0:
                return self.text[start : self.at - 1]
        raise self.trouble(")")

    def comparison(self) -> Test:
        operator = self.need(OPERATOR, "a comparison")
        return query_conditions.comparison(operator, self.value())

    def range(self) -> Test:
        test = self.comparison()
        while self.take(AND):
            test = query_conditions.both(test, self.comparison())
        return test

    def alternatives(self) -> Test:
        values = {self.value()}
        while self.take(COMMA):
            values.add(self.value())
        return query_conditions.one_of(values)

    def value(self) -> str:
        if self.sees(QUOTED):
            return re.sub(r"\\(.)", r"\1", self.need(QUOTED, "text"), flags=re.DOTALL)
        return self.need(BARE, "a value")

    def sees(self, pattern: re.Pattern[str]) -> bool:
        return pattern.match(self.text, self.at) is not None

    def symbol(self, text: str) -> bool:
        seen = self.text.startswith(text, self.at)
        self.at += len(text) * seen
        return seen

    def take(self, pattern: re.Pattern[str]) -> str | None:
        """What matches here, or its first group; None, and no step ahead, where nothing does."""
        if not (match := pattern.match(self.text, self.at)):
            return None
        self.at = match.end()
        return match[match.lastindex or 0]

    def need(self, pattern: re.Pattern[str], wanted: str) -> str:
        found = self.take(pattern)
        if found is None:
            raise self.trouble(wanted)
        return found

    def trouble(self, wanted: str) -> Malformed:
        return Malformed(f"expected {wanted} at position {self.at + 1}")
