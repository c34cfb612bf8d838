"""Cursor pagination of the Web API's lists."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Sequence
from typing import Any

from sandbox.slack.arguments import Arguments
from sandbox.slack.errors import ApiError

DEFAULT, LARGEST = 100, 999


def paged(name: str, things: Sequence[Any], given: Arguments) -> dict[str, Any]:
    """Return the page given by `cursor` and `limit`.

    Raises `ApiError`: invalid_cursor, invalid_limit.
    """
    start, limit = _start(str(given.get("cursor") or "")), str(given.get("limit") or DEFAULT)
    if not limit.isdecimal() or not 1 <= int(limit) <= LARGEST:
        raise ApiError("invalid_limit")
    end = start + int(limit)
    cursor = b64encode(b"next:%d" % end).decode() if end < len(things) else ""
    return {
        name: list(things[start:end]),
        "has_more": bool(cursor),
        "response_metadata": {"next_cursor": cursor},
    }


def _start(cursor: str) -> int:
    if not cursor:
        return 0
    try:
        kind, _, number = b64decode(cursor, validate=True).partition(b":")
        if kind == b"next":
            return int(number)
    except ValueError:
        pass
    raise ApiError("invalid_cursor")
