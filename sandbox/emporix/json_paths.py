"""Reading fields of JSON documents by dotted path, as the service's store sees them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

Document = dict[str, Any]
Reader = Callable[[Document], Any]

# The store keeps these as upper-case names, whatever spelling an answer shows.
UPPER_CASE = {"status", "type"}


def reader(path: str) -> Reader:
    """A function giving the value at `path`, None where it is absent; lists on the way fan out."""
    first, _, rest = path.partition(".")
    if path in UPPER_CASE:
        return lambda document: _upper(document.get(path))
    if not rest:
        return lambda document: document.get(first)
    below = reader_below(rest)
    return lambda document: below(document.get(first))


def reader_below(path: str) -> Callable[[Any], Any]:
    """Like `reader`, for a value that may also be a list, a text or nothing."""
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
    """Only the fields at `paths`, in their places; a path that leads nowhere is left out."""
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
