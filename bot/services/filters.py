"""The filters that people type, in any order and mixed with words: text in, `Filters` out.

status:failure,skipped type:export agent:complaint-agent page:2 size:5 sort:oldest
fields:id,message tenant:acme "late refund" invoice
q:status:FAILURE agentType:COMPLAINT      (all behind `q:` goes to Emporix as it is)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches

from bot.emporix.models import LIST_FIELDS
from bot.errors import InvalidInput
from bot.models import NEWEST_FIRST, Filters
from bot.services.tenants import tenant_name

MAX_SIZE = 12  # a message has 50 blocks: four a job, one above and one below
MAX_PAGE = 100_000

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
SORTS = {
    "newest": NEWEST_FIRST,
    "oldest": "metadata.createdAt:ASC",
    "modified": "metadata.modifiedAt:DESC",
}
_SORT = re.compile(r"([A-Za-z][A-Za-z.]*):(asc|desc)", re.IGNORECASE)

# Clients turn straight quotes into curly ones while people type.
_STRAIGHT = str.maketrans("“”„‟«»", '""""""')
_TOKEN = re.compile(
    r"""
    (?:(?P<name>[A-Za-z][A-Za-z_-]*):(?!//))?       # status:   but not https://
    (?P<value>(?:"[^"]*"|[^\s"])*)                  # failure,"in progress"
    """,
    re.VERBOSE,
)


@dataclass(slots=True)
class _Asked:
    """What has been read so far."""

    words: list[str] = field(default_factory=list)
    facts: dict[str, object] = field(default_factory=dict)


def parse_filters(text: str) -> Filters:
    """What was asked for; raises InvalidInput naming the word that cannot be, and what can."""
    before, _, raw_q = _split_raw(text.translate(_STRAIGHT))
    asked = _Asked()
    for name, value in _tokens(before):
        if name:
            _filter(name.lower(), value, asked)
        else:
            asked.words.extend(word for word in _plain(value) if word)
    if raw_q:
        _stands_alone(asked)
        asked.facts["raw_q"] = raw_q
    return Filters(words=tuple(asked.words), **asked.facts)  # type: ignore[arg-type]


def _split_raw(text: str) -> tuple[str, str, str]:
    found = re.search(r"(?:^|\s)q:", text)
    if not found:
        return text, "", ""
    raw_q = text[found.end() :].strip()
    if not raw_q:
        raise InvalidInput("q: is empty", "q:", "Type the query behind it: q:status:FAILURE")
    return text[: found.start()], "q:", raw_q


def _stands_alone(asked: _Asked) -> None:
    beside = [name for name in ("statuses", "types", "agents") if name in asked.facts]
    if asked.words or beside:
        raise InvalidInput(
            "q: stands alone",
            "q:",
            "Put everything into it; beside it only page:, size:, sort:, fields: and tenant:.",
        )


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    for found in _TOKEN.finditer(text):
        if found["name"] or found["value"]:
            yield found["name"] or "", found["value"]


def _plain(value: str) -> list[str]:
    """A word, or the phrase in quotes."""
    return [" ".join(value.replace('"', " ").split())]


def _values(value: str) -> tuple[str, ...]:
    """The alternatives between commas; a comma in quotes does not part."""
    parts = re.findall(r'(?:"[^"]*"|[^",])+', value)
    return tuple(part for part in (" ".join(p.replace('"', " ").split()) for p in parts) if part)


def _filter(name: str, value: str, asked: _Asked) -> None:
    read = _FILTERS.get(name)
    if read is None:
        near = get_close_matches(name, _FILTERS, n=1, cutoff=0.5)
        raise InvalidInput(
            "There is no such filter",
            f"{name}:",
            f"Did you mean {near[0]}:?" if near else f"There are {_list(FILTER_NAMES)}.",
        )
    values = _values(value)
    if not values:
        raise InvalidInput(
            "The filter is empty", f"{name}:", "Type a value right behind the colon."
        )
    key, fact = read(values)
    already = asked.facts.get(key)
    asked.facts[key] = (*already, *fact) if isinstance(already, tuple) else fact  # type: ignore[misc]


def _statuses(values: tuple[str, ...]) -> tuple[str, object]:
    return "statuses", _choose("status", values, STATUSES)


def _types(values: tuple[str, ...]) -> tuple[str, object]:
    return "types", _choose("type", values, TYPES)


def _agents(values: tuple[str, ...]) -> tuple[str, object]:
    return "agents", values


def _fields(values: tuple[str, ...]) -> tuple[str, object]:
    return "fields", _choose(
        "field", values, {name.lower(): name for name in LIST_FIELDS}, LIST_FIELDS
    )


def _sort(values: tuple[str, ...]) -> tuple[str, object]:
    return "sort", ",".join(_one_sort(value) for value in values)


def _one_sort(value: str) -> str:
    if known := SORTS.get(value.lower()):
        return known
    if found := _SORT.fullmatch(value):
        return f"{found[1]}:{found[2].upper()}"
    raise InvalidInput(
        "That order is not possible", value, f"Possible are {_list(SORTS)}, or agentId:ASC."
    )


def _number(name: str, highest: int) -> Callable[[tuple[str, ...]], tuple[str, object]]:
    def read(values: tuple[str, ...]) -> tuple[str, object]:
        text = values[0]
        number = int(text) if text.isascii() and text.isdigit() and len(text) < 9 else 0
        if len(values) > 1 or not 1 <= number <= highest:
            raise InvalidInput(
                f"That {name} is not possible", ",".join(values), f"Possible is 1 to {highest:,}."
            )
        return name, number

    return read


def _tenant(values: tuple[str, ...]) -> tuple[str, object]:
    return "tenant", tenant_name(" ".join(values))


def _choose(
    what: str, values: tuple[str, ...], known: Mapping[str, str], possible: tuple[str, ...] = ()
) -> tuple[str, ...]:
    names = possible or tuple(known)
    for value in values:
        if value.lower() not in known:
            raise InvalidInput(f"There is no such {what}", value, f"Possible are {_list(names)}.")
    return tuple(dict.fromkeys(known[value.lower()] for value in values))


def _list(names: Mapping[str, object] | tuple[str, ...]) -> str:
    *most, last = names
    return f"{', '.join(most)} and {last}"


_FILTERS: dict[str, Callable[[tuple[str, ...]], tuple[str, object]]] = {
    "status": _statuses,
    "type": _types,
    "agent": _agents,
    "page": _number("page", MAX_PAGE),
    "size": _number("size", MAX_SIZE),
    "sort": _sort,
    "fields": _fields,
    "tenant": _tenant,
}

FILTER_NAMES = (*_FILTERS, "q")
