"""The `q` query language: clauses `path:condition` joined by spaces, all of which must match."""

from __future__ import annotations

import operator
import re
import warnings
from collections.abc import Callable, Set

from sandbox.emporix.json_paths import Document, Reader, reader
from sandbox.emporix.times import canonical

Test = Callable[[object], bool]

LONGEST_PATTERN = 500
# The number of characters searched, by the number of wide repeats in the pattern: each repeat
# multiplies the steps of a failing search by the text's length, and `re` has no timeout.
SEARCHED_CHARACTERS = (20_000, 5_000, 500)
MOST_CHOICES = 10  # each one may double the steps
COMPARE = {">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le}
NUMBER = re.compile(r"-?\d+(\.\d+)?", re.ASCII)


class Malformed(Exception):
    """The query is invalid. The message says where."""


def presence(word: str) -> Test:
    """Test for `exists`, or for `null` and `missing`, which the database treats alike."""
    if word == "exists":
        return lambda value: value is not None
    return lambda value: value is None


def any_item(test: Test) -> Test:
    """Make a test match a list if any of its items matches."""
    return lambda value: any(map(test, value)) if isinstance(value, list) else test(value)


def both(first: Test, second: Test) -> Test:
    return lambda value: first(value) and second(value)


def one_of(texts: Set[str]) -> Test:
    return lambda value: _text(value) in texts


def comparison(sign: str, operand: str) -> Test:
    """Compare numbers with numbers and dates with dates; any other operand is malformed."""
    compare = COMPARE[sign]
    if NUMBER.fullmatch(operand):
        number = float(operand)
        return lambda value: isinstance(value, (int, float)) and compare(value, number)
    try:
        moment = canonical(operand)
    except ValueError as error:
        raise Malformed(f"{operand} is neither a number nor a date") from error
    return lambda value: isinstance(value, str) and compare(value, moment)


def regex(pattern: str) -> Test:
    """Search the beginning of a text, ignoring case.

    Patterns that could take exponential time are refused.
    """
    repeats = _wide_repeats(pattern)
    if repeats >= len(SEARCHED_CHARACTERS) or _may_explode(pattern):
        raise Malformed("the regular expression is too complex")
    if pattern.replace(" ", "").isalnum():
        return _words(pattern.lower())
    length = SEARCHED_CHARACTERS[repeats]
    try:
        with warnings.catch_warnings(action="ignore"):  # of syntax that may change in later Pythons
            search = re.compile(pattern, re.IGNORECASE).search
    except (re.error, OverflowError, RecursionError) as error:
        raise Malformed(f"the regular expression is not valid: {error}") from error

    def found(value: object) -> bool:
        text = _text(value)
        return text is not None and search(text[:length]) is not None

    return found


def _words(words: str) -> Test:
    """Match a pattern without special characters: the most common case, and much faster."""

    def found(value: object) -> bool:
        text = _text(value)
        return text is not None and words in text[: SEARCHED_CHARACTERS[0]].lower()

    return found


def _text(value: object) -> str | None:
    if isinstance(value, str):
        return value
    return str(value).lower() if isinstance(value, bool | int | float) else None


def _wide_repeats(pattern: str) -> int:
    """Count the repeats, except those of spaces and digits, which only match short runs."""
    return len(re.findall(r"[*+{]", _bare(re.sub(r"\\[sd][*+]", "x", pattern))))


def _may_explode(pattern: str) -> bool:
    """Whether the pattern is long, has many alternatives, or nests repeats or alternatives."""
    plain = _bare(pattern).replace("(?", "(")
    if len(pattern) > LONGEST_PATTERN or len(re.findall(r"[?|]", plain)) > MOST_CHOICES:
        return True
    while group := re.search(r"\(([^()]*)\)", plain):
        loose = re.search(r"[*+?{|!]", group[1])
        if loose and plain[group.end() : group.end() + 1] in ("*", "+", "{"):
            return True
        plain = plain[: group.start()] + ("x!" if loose else "x") + plain[group.end() :]
    return False


def _bare(pattern: str) -> str:
    """Replace each escaped character and each bracketed class in the pattern by `x`."""
    return re.sub(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]", "x", pattern, flags=re.DOTALL)


SPACE = re.compile(r"\s+")
PATH = re.compile(r"([A-Za-z_][\w-]*(?:\.[\w-]+)*):", re.ASCII)
PRESENCE = re.compile(r"(null|missing|exists)(?!\S)")
OPERATOR = re.compile(r">=|<=|>|<")
WORD = re.compile(r"[^\s(]\S*")
BARE = re.compile(r'[^\s"(),]+')
QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
AND = re.compile(r"\s+AND\s+")
COMMA = re.compile(r"\s*,\s*")
# Parentheses in brackets, or escaped ones, don't count.
PIECE = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|.", re.DOTALL)


def matching(documents: list[Document], q: str) -> list[Document]:
    """Return the matching documents in their order; all of them for an empty `q`.

    Raises `Malformed`.
    """
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
            return presence(word)
        return any_item(self.item_condition())

    def item_condition(self) -> Test:
        if self.symbol("~"):
            return regex(self.pattern())
        if self.sees(OPERATOR):
            return self.comparison()
        if not self.symbol("("):
            return one_of({self.value()})
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
        return comparison(operator, self.value())

    def range(self) -> Test:
        test = self.comparison()
        while self.take(AND):
            test = both(test, self.comparison())
        return test

    def alternatives(self) -> Test:
        values = {self.value()}
        while self.take(COMMA):
            values.add(self.value())
        return one_of(values)

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
        """Consume a match at this position. Return it or its first group, or None."""
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
