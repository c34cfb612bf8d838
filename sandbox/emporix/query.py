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
# How much of a text is searched, by how many wide repeats the pattern has: each one more multiplies
# the steps of a failing search by the length of the text, and Python's search cannot be stopped.
SEARCHED_CHARACTERS = (20_000, 5_000, 500)
MOST_CHOICES = 10  # each one may double the steps
COMPARE = {">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le}
NUMBER = re.compile(r"-?\d+(\.\d+)?", re.ASCII)


class Malformed(Exception):
    """The query cannot be understood; the text says where."""


def presence(word: str) -> Test:
    """`exists`, or `null` and `missing`, which the store does not tell apart."""
    if word == "exists":
        return lambda value: value is not None
    return lambda value: value is None


def any_item(test: Test) -> Test:
    """A list passes where one of its items does."""
    return lambda value: any(map(test, value)) if isinstance(value, list) else test(value)


def both(first: Test, second: Test) -> Test:
    return lambda value: first(value) and second(value)


def one_of(texts: Set[str]) -> Test:
    return lambda value: _text(value) in texts


def comparison(sign: str, operand: str) -> Test:
    """Numbers compare with numbers, dates with dates; any other operand is malformed."""
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
    """Found anywhere in the beginning of a text, in any case; refuses what may take for ever."""
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
    """A pattern without any sign of a pattern: far quicker this way, and the commonest."""

    def found(value: object) -> bool:
        text = _text(value)
        return text is not None and words in text[: SEARCHED_CHARACTERS[0]].lower()

    return found


def _text(value: object) -> str | None:
    if isinstance(value, str):
        return value
    return str(value).lower() if isinstance(value, bool | int | float) else None


def _wide_repeats(pattern: str) -> int:
    """How many repeats there are besides those of spaces and digits, whose runs are short."""
    return len(re.findall(r"[*+{]", _bare(re.sub(r"\\[sd][*+]", "x", pattern))))


def _may_explode(pattern: str) -> bool:
    """Whether it is long, has many choices, or repeats a group that repeats or chooses inside."""
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
    """The pattern with an `x` for each escaped character and each class in brackets."""
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
