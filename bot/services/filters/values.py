"""What may stand behind the colon of a filter: one of a few words, a number, an order, a name."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches

from bot.emporix.models import LIST_FIELDS
from bot.errors import InvalidInput
from bot.models import NEWEST_FIRST
from bot.services.tenants import tenant_name

Values = tuple[str, ...]
"""What was typed between the commas, at least one."""

Read = Callable[[Values], object]
"""The value of a field of `Filters`; raises InvalidInput."""

STATUSES = {
    "success": "success",
    "succeeded": "success",
    "ok": "success",
    "failure": "failure",
    "failed": "failure",
    "error": "failure",
    "in_progress": "in_progress",
    "running": "in_progress",
    "skipped": "skipped",
}
TYPES = {
    "agent_chat": "AGENT_CHAT",
    "chat": "AGENT_CHAT",
    "import": "IMPORT",
    "export": "EXPORT",
}
AGENT_TYPES = {
    "generic": "generic",
    "complaint": "complaint",
    "anti_fraud": "anti_fraud",
    "fraud": "anti_fraud",
}
SORTS = {
    "newest": NEWEST_FIRST,
    "oldest": "metadata.createdAt:ASC",
    "modified": "metadata.modifiedAt:DESC",
}
_SORT = re.compile(r"([A-Za-z][A-Za-z.]*):(asc|desc)", re.IGNORECASE)


def listed(names: Iterable[str]) -> str:
    """ "a, b and c"; at least two of them."""
    *most, last = names
    return f"{', '.join(most)} and {last}"


def one_of(what: str, known: Mapping[str, str], path: str) -> Read:
    """Any of `known`; what Emporix has added since is found by a query of its own on `path`."""
    newer = f"What is new at Emporix can be found with q:{path}:NEW."

    def read(values: Values) -> tuple[str, ...]:
        return tuple(dict.fromkeys(choose(value) for value in values))

    def choose(value: str) -> str:
        word = re.sub(r"[ -]", "_", value.lower())
        if word in known:
            return known[word]
        near = get_close_matches(word, known, n=1)
        guess = f"Did you mean {near[0]}? " if near else ""
        possible = listed(dict.fromkeys(name.lower() for name in known.values()))
        raise InvalidInput(
            f"There is no such {what}", value, f"{guess}Possible are {possible}. {newer}"
        )

    return read


def as_typed(values: Values) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))


def fields(values: Values) -> tuple[str, ...]:
    known = {name.lower(): name for name in LIST_FIELDS}
    for value in values:
        if value.lower() not in known:
            raise InvalidInput(
                "There is no such field", value, f"Possible are {listed(LIST_FIELDS)}."
            )
    return tuple(dict.fromkeys(known[value.lower()] for value in values))


def sort(values: Values) -> str:
    return ",".join(map(_one_sort, values))


def _one_sort(value: str) -> str:
    if known := SORTS.get(value.lower()):
        return known
    if found := _SORT.fullmatch(value):
        return f"{found[1]}:{found[2].upper()}"
    raise InvalidInput(
        "That order is not possible", value, f"Possible are {listed(SORTS)}, or agentId:ASC."
    )


def number(name: str, highest: int) -> Read:
    def read(values: Values) -> int:
        text = values[0]
        count = int(text) if text.isascii() and text.isdigit() and len(text) < 9 else 0
        if len(values) > 1 or not 1 <= count <= highest:
            raise InvalidInput(
                f"That {name} is not possible", ",".join(values), f"Possible is 1 to {highest:,}."
            )
        return count

    return read


def tenant(values: Values) -> str:
    return tenant_name(" ".join(values))
