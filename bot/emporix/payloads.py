"""What a body says: JSON read with patience, because a proxy may answer in Emporix's place."""

from __future__ import annotations

import json
import unicodedata

MAX_WORDS = 300
"""Characters of somebody else's error message that are worth keeping."""


def decode(body: bytes) -> object:
    """The JSON in `body`; ValueError where there is none.

    Broken UTF-8 and halves of surrogate pairs become replacement characters: one odd letter in one
    agent message must not hide a whole list.
    """
    try:
        found: object = json.loads(body.decode("utf-8-sig", "replace"))
        return _without_lone_surrogates(found) if rb"\ud" in body.lower() else found
    except RecursionError:
        raise ValueError("JSON nested too deeply") from None


def text(value: object) -> str:
    """A JSON value as text: a string as it is, null as "", everything else as JSON."""
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False)


def fields(value: object) -> dict[str, object]:
    """A JSON object's members; none where the value is something else."""
    return value if isinstance(value, dict) else {}


def items(value: object) -> list[object]:
    """A JSON array's elements; none where the value is something else."""
    return value if isinstance(value, list) else []


def clean(value: object) -> str:
    """One line of at most 300 characters without control, format or unassigned characters."""
    start = text(value)[: 4 * MAX_WORDS]
    shown = "".join(" " if unicodedata.category(letter)[0] == "C" else letter for letter in start)
    line = " ".join(shown.split())
    return line if len(line) <= MAX_WORDS else line[: MAX_WORDS - 1] + "…"


def _without_lone_surrogates(value: object) -> object:
    written = json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")
    cleaned: object = json.loads(written)
    return cleaned
