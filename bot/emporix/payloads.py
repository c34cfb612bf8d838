"""What a body says: JSON read with patience, because a proxy may answer in Emporix's place."""

from __future__ import annotations

import json
import logging
import unicodedata
from itertools import islice

logger = logging.getLogger(__name__)

MOST_MEMBERS, MOST_LETTERS = 20, 1000
MOST_DIGITS = 4000  # Python reads integers of up to 4,300

MAX_WORDS = 300
"""Characters of somebody else's error message that are worth keeping."""


def decode(body: bytes) -> object:
    """The JSON in `body`; ValueError where there is none.

    Broken UTF-8 and halves of surrogate pairs become replacement characters: one odd letter in one
    agent message must not hide a whole list.
    """
    try:
        found = _parsed(body.decode("utf-8-sig", "replace"))
        return _without_lone_surrogates(found) if rb"\ud" in body.lower() else found
    except RecursionError:
        raise ValueError("JSON nested too deeply") from None


def _parsed(words: str) -> object:
    try:
        parsed: object = json.loads(words)
    except json.JSONDecodeError:
        raise
    except ValueError:  # a number of more digits than Python reads stays a text
        parsed = json.loads(words, parse_int=lambda n: int(n) if len(n) <= MOST_DIGITS else n)
    return parsed


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


def objects(value: object, most: int) -> list[object]:
    """The first `most` objects of a JSON array; ValueError where it is none, or holds none.

    What is left out is logged: one null must not hide a whole list, nor a long one stop the app.
    """
    if not isinstance(value, list):
        raise ValueError("a JSON array is expected")
    found: list[object] = list(islice((item for item in value if isinstance(item, dict)), most))
    if value and not found:
        raise ValueError("a JSON array of objects is expected")
    if len(found) < len(value):
        logger.warning(
            "%d of %d entries of a response are left out", len(value) - len(found), len(value)
        )
    return found


def beginning(value: object, levels: int = 3) -> object:
    """A JSON value cut to 20 members, 3 levels and 1,000 letters each, with "…" for the rest."""
    if isinstance(value, str):
        return value if len(value) <= MOST_LETTERS else f"{value[:MOST_LETTERS]}…"
    if not isinstance(value, dict | list) or not value:
        return value
    if not levels:
        return "…"
    more = len(value) > MOST_MEMBERS
    if isinstance(value, list):
        shown = [beginning(item, levels - 1) for item in value[:MOST_MEMBERS]]
        return [*shown, "…"] if more else shown
    some = islice(value.items(), MOST_MEMBERS)
    members = {name[:MOST_LETTERS]: beginning(item, levels - 1) for name, item in some}
    return members | {"…": "…"} if more else members


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
