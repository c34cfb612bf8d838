"""The filters: their names, how their values are parsed, and their help texts."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from bot.domain.filters import NEWEST_FIRST
from bot.emporix.models import LIST_FIELDS
from bot.errors import InvalidInput, Proposal
from bot.services.filters.dates import parse_when
from bot.services.references import find_session_id, strip_wrappers
from bot.services.similarity import close_matches

# Emporix: `^[a-z][a-z0-9]{2,15}$` in most services; the AI Service says only "lower case".
_TENANT_NAME = re.compile(r"[a-z][a-z0-9_-]{1,39}")


def parse_tenant_name(text: str) -> str:
    """The name of a tenant; raises InvalidInput for any other text."""
    name = strip_wrappers(text).lower()
    if not _TENANT_NAME.fullmatch(name):
        raise InvalidInput(
            "That isn't a tenant name",
            advice="A tenant name has only letters and digits, like acme.",
        )
    return name


Values: TypeAlias = tuple[str, ...]
"""The values that were typed between commas, at least one."""

ReadValue: TypeAlias = Callable[[Values], object]
"""Returns the value of a field of `Filters`; raises InvalidInput, with proposals for the value."""

STATUS_NAMES = {
    "failed": "failure",
    "failure": "failure",
    "error": "failure",
    "succeeded": "success",
    "success": "success",
    "ok": "success",
    "running": "in_progress",
    "in_progress": "in_progress",
    "skipped": "skipped",
}
"""The statuses by the words that mean them; the first word of each is the usual one."""
TYPE_NAMES = {
    "chat": "AGENT_CHAT",
    "agent_chat": "AGENT_CHAT",
    "import": "IMPORT",
    "export": "EXPORT",
}
AGENT_TYPE_NAMES = {
    "generic": "generic",
    "complaint": "complaint",
    "fraud": "anti_fraud",
    "fraud_check": "anti_fraud",
    "anti_fraud": "anti_fraud",
}
MEANINGS = {"status": STATUS_NAMES, "type": TYPE_NAMES, "agent-type": AGENT_TYPE_NAMES}
"""What the words for the values of a filter mean to Emporix, by the name of the filter."""
VALUES_OF_TWO_WORDS = {
    name: {word.replace("_", " ") for word in words if "_" in word}
    for name, words in MEANINGS.items()
}
"""Values that are understood without quotes, by the name of the filter."""


def corrected_list(line: str) -> str:
    """The line with a filter for its first word, if that means a status or type: "errors today".

    Returns "" for any other line.
    """
    first, _, rest = line.strip().partition(" ")
    word = first.lower().strip(".,;:!?")
    for name in ("status", "type"):
        for value in (word, word.removesuffix("s")):
            if value in MEANINGS[name]:
                return f"{name}:{value} {rest}".strip()
    return ""


SORTS = {
    "newest": NEWEST_FIRST,
    "oldest": "metadata.createdAt:ASC",
    "modified": "metadata.modifiedAt:DESC",
}
_SORT = re.compile(r"([A-Za-z][A-Za-z.]*):(asc|desc)", re.IGNORECASE)


def join_words(names: Iterable[str], before_last: str = "and") -> str:
    """Join at least two names, as in: a, b and c."""
    *most, last = names
    return f"{', '.join(most)} {before_last} {last}"


def one_of(what: str, known: Mapping[str, str], path: str) -> ReadValue:
    """A parser for the values in `known`; its errors suggest `q:` and this path for others."""
    newer = f"For a value that Emporix added later, use q:{path}:NEW."

    def read(values: Values) -> Values:
        return tuple(dict.fromkeys(choose(value) for value in values))

    def choose(value: str) -> str:
        word = re.sub(r"[ -]", "_", _plain(value))
        if word in known:
            return known[word]
        near = [_usual_word(near, known) for near in close_matches(word, known, n=1)]
        guess = f"Did you mean {near[0]}? " if near else ""
        names = join_words(dict.fromkeys(_usual_word(name, known) for name in known), "or")
        raise InvalidInput(
            f"Unknown {what}",
            value,
            f"{guess}Use {names}. {newer}",
            proposals=tuple(map(Proposal, near)),
        )

    return read


def _usual_word(word: str, known: Mapping[str, str]) -> str:
    """The usual word for what `word` means: the first one in `known`."""
    return next(one for one, value in known.items() if value == known[word])


def as_typed(values: Values) -> Values:
    return tuple(dict.fromkeys(values))


def session_ids(values: Values) -> Values:
    return tuple(dict.fromkeys(find_session_id(value) or value for value in values))


def fields(values: Values) -> Values:
    known = {name.lower(): name for name in LIST_FIELDS}
    for value in values:
        if _plain(value) not in known:
            near = close_matches(_plain(value), known, n=1)
            raise InvalidInput(
                "Unknown field",
                value,
                f"Use {join_words(LIST_FIELDS, 'or')}.",
                proposals=tuple(Proposal(known[name]) for name in near),
            )
    return tuple(dict.fromkeys(known[_plain(value)] for value in values))


def sort(values: Values) -> str:
    return ",".join(map(_one_sort, values))


def _one_sort(value: str) -> str:
    if known := SORTS.get(_plain(value)):
        return known
    if found := _SORT.fullmatch(value):
        return f"{found[1]}:{found[2].upper()}"
    raise InvalidInput(
        "Unknown order",
        value,
        f"Use {', '.join(SORTS)}, or a field and a direction: agentId:ASC.",
        proposals=tuple(map(Proposal, close_matches(_plain(value), SORTS, n=1))),
    )


def number(name: str, highest: int, *, is_capped: bool = False) -> ReadValue:
    """A parser for a number from 1 to `highest`; if `is_capped`, higher ones become `highest`."""

    def read(values: Values) -> int:
        text = _plain(values[0])
        count = int(text[:9]) if text.isascii() and text.isdigit() else 0
        count = min(count, highest) if is_capped else count
        if len(values) > 1 or not 1 <= count <= highest:
            raise InvalidInput(
                f"Invalid {name}", ",".join(values), f"Use a number from 1 to {highest:,}."
            )
        return count

    return read


def tenant(values: Values) -> str:
    return parse_tenant_name(" ".join(values))


def _plain(value: str) -> str:
    """Normalize a value: lower case, half width, without punctuation at the end."""
    return unicodedata.normalize("NFKC", value).lower().rstrip(".;!?")


RAW_QUERY = "q"

MAX_FILTER_SIZE = 12
MAX_FILTER_PAGE = 100_000


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter that users can type.

    `key` is the field of `Filters` that it sets; if that is a tuple, typing the filter again adds
    values. `narrows` is set if the filter decides which jobs match; it then cannot be combined with
    `q:`.
    """

    name: str
    key: str
    read: Callable[[Values], object]
    example: str
    meaning: str
    narrows: bool = False


ALL_FILTERS = (
    Filter(
        "status",
        "statuses",
        one_of("status", STATUS_NAMES, "status"),
        "status:failed, skipped",
        "failed (or error), succeeded (ok), running or skipped. At the start of jobs or jobs list "
        "you can leave out status: and type jobs failed. To search for such a word, put it in "
        'quotes: "failed".',
        narrows=True,
    ),
    Filter(
        "type",
        "types",
        one_of("type", TYPE_NAMES, "type"),
        "type:export",
        "chat (or agent chat), import or export.",
        narrows=True,
    ),
    Filter(
        "agent",
        "agents",
        as_typed,
        'agent:"Complaint Agent"',
        "The name or ID of an agent. A name that no agent has is used as an ID, because jobs may "
        "outlive their agent.",
        narrows=True,
    ),
    Filter(
        "agent-type",
        "agent_types",
        one_of("agent type", AGENT_TYPE_NAMES, "agentType"),
        "agent-type:complaint",
        "generic, complaint or fraud (or fraud check).",
        narrows=True,
    ),
    Filter(
        "event",
        "events",
        as_typed,
        "event:order.order-created",
        "The commerce event that started the agent.",
        narrows=True,
    ),
    Filter(
        "session",
        "sessions",
        session_ids,
        "session:123e4567-e89b-12d3-a456-426614174000",
        "The ID of the agent's session.",
        narrows=True,
    ),
    Filter(
        "since",
        "since",
        parse_when,
        "since:monday",
        "Created at this time or later: 30m, 24h, 7d or 2w ago; today, yesterday, monday to "
        "sunday, last week; 2026-11-01, 1.11.2026, 1.11. or 2026-11-01T10:30. Days use your time "
        "zone in Slack. At the end of a search you can type just the day: failed yesterday.",
        narrows=True,
    ),
    Filter(
        "until",
        "until",
        parse_when,
        "until:2026-11-01",
        "Created before this time; a day is included to its end.",
        narrows=True,
    ),
    Filter(
        "sort",
        "sort",
        sort,
        "sort:oldest",
        "newest (the default), oldest, modified, or a field and a direction: agentId:ASC.",
    ),
    Filter(
        "size", "size", number("size", MAX_FILTER_SIZE), "size:5", "Jobs per page, from 1 to 12."
    ),
    Filter(
        "page",
        "page",
        number("page", MAX_FILTER_PAGE, is_capped=True),
        "page:3",
        "The page to start with.",
    ),
    Filter(
        "tenant",
        "tenant",
        tenant,
        "tenant:acme",
        "One of your connected tenants, instead of your default.",
    ),
    Filter(
        "fields",
        "fields",
        fields,
        "fields:status,message",
        "Shows only these fields of each job.",
    ),
    Filter(
        RAW_QUERY,
        "raw_q",
        as_typed,
        "q:status:FAILURE message:exists",
        "Everything after it goes to Emporix unchanged, in Emporix's own query language. Before "
        "it, only page:, size:, sort:, fields: and tenant: are allowed.",
    ),
)

FILTERS_BY_NAME = {known.name: known for known in ALL_FILTERS if known.name != RAW_QUERY}
