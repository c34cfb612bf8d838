"""Reads fields of JSON documents by dotted path, as the service's database does."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

Document = dict[str, Any]
Reader = Callable[[Document], Any]

# Emporix: the database stores these in upper case, however a response spells them.
UPPER_CASE = {"status", "type"}


def reader(path: str) -> Reader:
    """Return a function that reads the value at `path`, or None. Lists along the path fan out."""
    first, _, rest = path.partition(".")
    if path in UPPER_CASE:
        return lambda document: _upper(document.get(path))
    if not rest:
        return lambda document: document.get(first)
    below = reader_below(rest)
    return lambda document: below(document.get(first))


def reader_below(path: str) -> Callable[[Any], Any]:
    """Like `reader`, for a value that may also be a list, a string or missing."""
    first, _, rest = path.partition(".")
    deeper = reader_below(rest) if rest else _itself

    def read(value: Any) -> Any:
        if isinstance(value, dict):
            return deeper(value.get(first))
        if isinstance(value, list):
            found = [read(item) for item in value]
            return [item for item in found if item is not None] or None
        return None

    return read


def picked(document: Document, paths: Iterable[str]) -> Document:
    """Return only the fields at `paths`. Paths that don't exist are left out."""
    result: Document = {}
    for path in paths:
        _copy(document, result, path.split("."))
    return result


def _copy(source: Document, target: Document, steps: list[str]) -> None:
    first, *rest = steps
    if first not in source:
        return
    if rest and isinstance(source[first], dict):
        _copy(source[first], target.setdefault(first, {}), rest)
    elif not rest:
        target[first] = source[first]


def _upper(value: Any) -> Any:
    return value.upper() if isinstance(value, str) else value


def _itself(value: Any) -> Any:
    return value
