"""Previews of files: the first lines or rows, or the image."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from io import StringIO
from itertools import islice
from typing import Any

from sandbox.slack.files import File

LINES, LETTERS, ROWS = 12, 1500, 20
ENOUGH = 50_000  # bytes that are read for a preview


def _beginning(file: File) -> str:
    """Return the first lines of a text file."""
    return "\n".join(_text(file).splitlines()[:LINES])[:LETTERS]


def _rows(file: File) -> list[list[str]]:
    """Return the first rows of a table; empty for other files."""
    if not file.name.lower().endswith(".csv"):
        return []
    return list(islice(csv.reader(StringIO(_text(file), newline="")), ROWS))


def _text(file: File) -> str:
    return (file.content or b"")[:ENOUGH].decode("utf-8-sig", "replace")


def _is_picture(file: File) -> bool:
    return file.name.lower().endswith((".png", ".jpg", ".jpeg", ".gif"))


def _size(length: int) -> str:
    return f"{length} bytes" if length < 1000 else f"{length / 1000:.1f} kB"


FILTERS: Mapping[str, Any] = {
    "beginning": _beginning,
    "rows": _rows,
    "is_picture": _is_picture,
    "size": _size,
}
