"""Parses Emporix's JSON into jobs, agents and logs.

Parsing is tolerant: any field may be missing, null or of another type, and new statuses, types and
fields may appear without notice. The response may also come from a proxy.
"""

from __future__ import annotations

import json
import logging
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import islice

from bot.domain.jobs import (
    FAILED_STATE,
    Agent,
    ExportResult,
    ImportedEntity,
    ImportResult,
    Job,
    JobPage,
    LogLine,
    Reason,
    RequestLog,
    Session,
)
from bot.domain.records import parse_time

logger = logging.getLogger(__name__)

MAX_MEMBERS, MAX_VALUE_LENGTH = 20, 1000
MAX_DIGITS = 4000  # Python parses integers of up to 4,300 digits

MAX_MESSAGE_LENGTH = 300
"""An error message is shortened to this many characters."""


def decode_json(body: bytes) -> object:
    """Parse JSON; raises ValueError.

    Invalid UTF-8 and lone surrogates become replacement characters, so that one bad character in an
    agent message does not break a whole list.
    """
    try:
        found = _parse_json(body.decode("utf-8-sig", "replace"))
        return _without_lone_surrogates(found) if rb"\ud" in body.lower() else found
    except RecursionError:
        raise ValueError("JSON nested too deeply") from None


def _parse_json(words: str) -> object:
    try:
        parsed: object = json.loads(words)
    except json.JSONDecodeError:
        raise
    except ValueError:  # numbers with more digits than Python parses stay strings
        parsed = json.loads(words, parse_int=lambda n: int(n) if len(n) <= MAX_DIGITS else n)
    return parsed


def as_text(value: object) -> str:
    """A JSON value as text: a string as it is, null as "", everything else as JSON."""
    if isinstance(value, str):
        return value
    return "" if value is None else _to_json(value)


# `json.dumps` creates an encoder for each call with a non-default option.
_to_json = json.JSONEncoder(ensure_ascii=False).encode


def as_object(value: object) -> dict[str, object]:
    """The members of a JSON object; empty for any other value."""
    return value if isinstance(value, dict) else {}


def as_list(value: object) -> list[object]:
    """The elements of a JSON array; empty for any other value."""
    return value if isinstance(value, list) else []


def objects_in(value: object, most: int) -> list[object]:
    """The first `most` objects of a JSON array; other entries are left out and logged.

    Raises ValueError if `value` is not an array, or has entries but no objects.
    """
    if not isinstance(value, list):
        raise ValueError("a JSON array is expected")
    found: list[object] = list(islice((item for item in value if isinstance(item, dict)), most))
    if value and not found:
        raise ValueError("a JSON array of objects is expected")
    if len(found) < len(value):
        logger.warning(
            "%d of %d entries of a response were ignored", len(value) - len(found), len(value)
        )
    return found


def shortened(value: object, levels: int = 3) -> object:
    """A JSON value cut to 20 members, 3 levels and 1,000 characters each, with "…" for the rest."""
    if isinstance(value, str):
        return value if len(value) <= MAX_VALUE_LENGTH else f"{value[:MAX_VALUE_LENGTH]}…"
    if not isinstance(value, dict | list) or not value:
        return value
    if not levels:
        return "…"
    more = len(value) > MAX_MEMBERS
    if isinstance(value, list):
        shown = [shortened(item, levels - 1) for item in value[:MAX_MEMBERS]]
        return [*shown, "…"] if more else shown
    some = islice(value.items(), MAX_MEMBERS)
    members = {name[:MAX_VALUE_LENGTH]: shortened(item, levels - 1) for name, item in some}
    return members | {"…": "…"} if more else members


def one_line(value: object) -> str:
    """One line of at most 300 characters without control, format or unassigned characters."""
    start = as_text(value)[: 4 * MAX_MESSAGE_LENGTH]
    shown = "".join(" " if unicodedata.category(letter)[0] == "C" else letter for letter in start)
    line = " ".join(shown.split())
    return line if len(line) <= MAX_MESSAGE_LENGTH else line[: MAX_MESSAGE_LENGTH - 1] + "…"


def _without_lone_surrogates(value: object) -> object:
    written = json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")
    cleaned: object = json.loads(written)
    return cleaned


MAX_IMPORTED_ENTITIES, MAX_REASONS_PER_ENTITY = 1000, 20
IMPORTED_KINDS = {"agents": "agent", "tools": "tool", "mcpServers": "MCP server"}


def _parse_reason(value: object) -> Reason:
    if not isinstance(value, dict):
        return Reason(message=as_text(value))
    about = as_text(value.get("objectName")) or as_text(value.get("objectId"))
    return Reason(as_text(value.get("code")).upper(), as_text(value.get("message")), about)


def _parse_entity(kind: str, value: object) -> ImportedEntity:
    entity = as_object(value)
    given = as_list(entity.get("details"))
    details = map(_parse_reason, given[:MAX_REASONS_PER_ENTITY])
    return ImportedEntity(
        kind=kind,
        id=as_text(entity.get("id")),
        name=as_text(entity.get("name")),
        state=as_text(entity.get("state")).upper(),
        details=tuple(detail for detail in details if detail != Reason()),
        left_out=max(0, len(given) - MAX_REASONS_PER_ENTITY),
    )


def _parse_import(value: dict[str, object]) -> ImportResult:
    summary = as_object(value.get("summary"))
    given = [
        (kind, one) for name, kind in IMPORTED_KINDS.items() for one in as_list(summary.get(name))
    ]
    if len(given) > MAX_IMPORTED_ENTITIES:
        given.sort(key=lambda pair: as_object(pair[1]).get("state") != FAILED_STATE)
    entities = tuple(_parse_entity(*pair) for pair in given[:MAX_IMPORTED_ENTITIES])
    return ImportResult(as_text(value.get("message")), entities, len(given) - len(entities))


def _parse_export(value: dict[str, object]) -> ExportResult:
    return ExportResult(as_text(value.get("data")), as_text(value.get("checksum")))


MAX_LOG_LINES, MAX_SESSION_AGENTS = 5_000, 100
MAX_REQUESTS = 10
"""How many entries of a response are searched for the requested one."""

EARLIEST_TIME = datetime.min.replace(tzinfo=UTC)


def _parse_log_line(value: object) -> LogLine:
    line = as_object(value)
    business = line.get("isBusinessLog")
    return LogLine(
        timestamp=as_text(line.get("timestamp")),
        severity=as_text(line.get("severity")).upper(),
        message=as_text(line.get("message")),
        agent_id=as_text(line.get("agentId")),
        request_id=as_text(line.get("requestId")),
        is_business=business if isinstance(business, bool) else None,
    )


def parse_session(value: object) -> Session:
    """Parse a session; raises ValueError only if `value` is not an object."""
    if not isinstance(value, dict):
        raise ValueError("a session is a JSON object")
    log = _parse_log(value)
    return Session(
        id=as_text(value.get("sessionId")),
        severity=as_text(value.get("severity")).upper(),
        agents=tuple(filter(None, map(as_text, as_list(value.get("agents"))[:MAX_SESSION_AGENTS]))),
        lines=log.lines,
        seconds=log.duration,
        left_out=log.left_out,
    )


def parse_request_log(value: object, request_id: str) -> RequestLog:
    """Parse a list of requests: the log of the first one with that id; empty if there is none.

    Other entries are ignored, as a service that ignored the query would return other requests.
    Raises ValueError if `value` is not an array of objects.
    """
    for item in map(as_object, objects_in(value, MAX_REQUESTS)):
        if as_text(item.get("requestId")) in ("", request_id):
            return _parse_log(item)
    return RequestLog()


def _parse_log(value: Mapping[str, object]) -> RequestLog:
    duration, lines = value.get("duration"), as_list(value.get("messages"))
    return RequestLog(
        lines=_in_order(_parse_log_line(line) for line in lines[:MAX_LOG_LINES]),
        duration=duration if type(duration) is int and duration >= 0 else None,
        left_out=max(0, len(lines) - MAX_LOG_LINES),
    )


def _in_order(lines: Iterable[LogLine]) -> tuple[LogLine, ...]:
    """Sort by time, as Emporix guarantees no order; lines without a time keep their place."""
    dated = sorted(_with_times(lines), key=lambda pair: pair[0])
    return tuple(line for _, line in dated)


def _with_times(lines: Iterable[LogLine]) -> Iterator[tuple[datetime, LogLine]]:
    moment = EARLIEST_TIME
    for line in lines:
        moment = parse_time(line.timestamp) or moment
        yield moment, line


NO_NAMES: Mapping[str, str] = {}

MAX_EXTRA_FIELDS = 40
"""Maximum number of a job's unknown fields to show."""

MAX_AGENTS = 2_000
"""Maximum number of agents to read; any others are shown by their ids."""


def parse_job(value: object, names: Mapping[str, str] = NO_NAMES) -> Job:
    """Parse a job; raises ValueError only if `value` is not an object.

    `names` are the names of agents by id.
    """
    if not isinstance(value, dict):
        raise ValueError("a job is a JSON object")
    extra = dict(value)
    known = {ours: as_text(extra.pop(theirs, None)) for theirs, ours in TEXT_FIELDS.items()}
    metadata = _pop_object(extra, "metadata") or {}
    exported = _pop_object(extra, "exportResult")
    imported = _pop_object(extra, "importResult")
    shown = [(name, shortened(value)) for name, value in islice(extra.items(), MAX_EXTRA_FIELDS)]
    return Job(
        **known | {"status": known["status"].lower(), "type": known["type"].upper()},
        created_at=as_text(metadata.get("createdAt")),
        modified_at=as_text(metadata.get("modifiedAt")),
        version=as_text(metadata.get("version")),
        export_result=None if exported is None else _parse_export(exported),
        import_result=None if imported is None else _parse_import(imported),
        extra=dict(shown),
        agent_name=names.get(known["agent_id"], ""),
        left_out=len(extra) - len(shown),
    )


TEXT_FIELDS = {
    "id": "id",
    "status": "status",
    "type": "type",
    "agentId": "agent_id",
    "agentType": "agent_type",
    "sessionId": "session_id",
    "commerceEvent": "commerce_event",
    "message": "message",
    "response": "response",
    "requestId": "request_id",
}
"""Emporix's field names and the app's. `response` and `requestId` are sent, but not documented."""

LIST_FIELDS = (*TEXT_FIELDS, "metadata")
"""All fields except `exportResult` and `importResult`, with which a page may exceed 10 MB."""


def parse_job_page(
    value: object,
    *,
    page: int,
    size: int,
    total: int | None,
    names: Mapping[str, str] = NO_NAMES,
) -> JobPage:
    """Parse a page of jobs; raises ValueError if `value` is not an array of objects.

    If an id occurs twice, the first job is kept. Without a total, a full page means that there may
    be more. A page that is longer than requested is cut, and entries that are not objects are left
    out; both are logged.
    """
    if not isinstance(value, list):
        raise ValueError("a page of jobs is a JSON array")
    jobs = [parse_job(item, names) for item in objects_in(value, size)]
    first: dict[object, Job] = {}
    for place, job in enumerate(jobs):
        first.setdefault(job.id or place, job)
    has_more = len(value) >= size if total is None else page * size < total
    return JobPage(tuple(first.values()), page, size, total, has_more)


VERSION = re.compile(r"[0-9]{1,15}")


def parse_agents(value: object) -> tuple[Agent, ...]:
    """Parse an array of agents, at most MAX_AGENTS; raises ValueError as `objects_in` does."""
    return tuple(map(parse_agent, objects_in(value, MAX_AGENTS)))


def parse_started_job(value: object) -> str:
    """The id of a job that was started, from an object or a list with one; raises ValueError."""
    members = value[0] if isinstance(value, list) and len(value) == 1 else value
    if job_id := as_text(as_object(members).get("jobId")):
        return job_id
    raise ValueError("no id of a job")


def parse_agent(value: object) -> Agent:
    """Parse an agent, with its id as the fallback for its name; raises ValueError."""
    if not isinstance(value, dict):
        raise ValueError("an agent is a JSON object")
    id_ = as_text(value.get("id"))
    metadata = as_object(value.get("metadata"))
    version = as_text(metadata.get("version"))
    return Agent(
        id_,
        _english_text(value.get("name")).strip() or id_,
        as_text(value.get("type")),
        enabled=value.get("enabled") is not False,
        version=int(version) if VERSION.fullmatch(version) else 0,
        modified_at=as_text(metadata.get("modifiedAt")),
    )


def _pop_object(members: dict[str, object], name: str) -> dict[str, object] | None:
    """Remove an object or a null from `members`, and return it; other values are kept."""
    value = members.get(name)
    if isinstance(value, dict) or value is None:
        members.pop(name, None)
        return value
    return None


def _english_text(name: object) -> str:
    """The English text, or else any. Emporix: localized texts are strings or maps by language."""
    if not isinstance(name, dict):
        return as_text(name)
    words = [as_text(name.get("en")), *map(as_text, name.values())]
    return next(filter(None, words), "")
