"""What Emporix answers with: jobs, a page of them, agents.

Reading is tolerant: any field may be missing, null or of another type, and new statuses, types and
fields come without notice. Texts come from outside and are untrusted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice

from bot.emporix.payloads import beginning, objects, text
from bot.emporix.results import ExportResult, ImportedEntity, ImportResult

__all__ = [
    "LIST_FIELDS",
    "Agent",
    "ExportResult",
    "ImportResult",
    "ImportedEntity",
    "Job",
    "JobPage",
]


MOST_EXTRA = 40
"""Fields of a job that this version does not know, and still shows."""


@dataclass(frozen=True, slots=True)
class Job:
    """A job of the AI Service, absent values empty.

    `status` is lower case and `type` upper case, whichever way they came; times are ISO 8601 as
    given. `extra` holds what this version does not know, and known fields of an unknown shape: the
    beginnings of at most 40 fields, and `left_out` counts the others.
    `agent_name` is not the job's own, but what the agent is called where that is known.
    """

    id: str = ""
    status: str = ""
    type: str = ""
    agent_id: str = ""
    agent_type: str = ""
    session_id: str = ""
    commerce_event: str = ""
    message: str = field(default="", repr=False)
    response: str = field(default="", repr=False)
    request_id: str = ""
    created_at: str = ""
    modified_at: str = ""
    version: str = ""
    export_result: ExportResult | None = None
    import_result: ImportResult | None = None
    extra: Mapping[str, object] = field(default_factory=dict, repr=False)
    agent_name: str = ""
    left_out: int = 0

    @classmethod
    def from_json(cls, value: object) -> Job:
        """Raises ValueError where `value` is not an object, and for nothing else."""
        if not isinstance(value, dict):
            raise ValueError("a job is a JSON object")
        extra = dict(value)
        known = {ours: text(extra.pop(theirs, None)) for theirs, ours in TEXT_FIELDS.items()}
        metadata = _take_object(extra, "metadata") or {}
        exported = _take_object(extra, "exportResult")
        imported = _take_object(extra, "importResult")
        shown = [(name, beginning(value)) for name, value in islice(extra.items(), MOST_EXTRA)]
        return cls(
            **known | {"status": known["status"].lower(), "type": known["type"].upper()},
            created_at=text(metadata.get("createdAt")),
            modified_at=text(metadata.get("modifiedAt")),
            version=text(metadata.get("version")),
            export_result=None if exported is None else ExportResult.from_json(exported),
            import_result=None if imported is None else ImportResult.from_json(imported),
            extra=dict(shown),
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
"""Emporix's names → ours. `response` and `requestId` are not documented, but sent."""

LIST_FIELDS = (*TEXT_FIELDS, "metadata")
"""All but `exportResult` and `importResult`, which can push a page towards the limit of 10 MB."""


@dataclass(frozen=True, slots=True)
class JobPage:
    """Page `page` (from 1) of at most `size` jobs; `total` over all pages where Emporix said."""

    jobs: tuple[Job, ...]
    page: int
    size: int
    total: int | None
    has_more: bool

    @classmethod
    def from_json(cls, value: object, *, page: int, size: int, total: int | None) -> JobPage:
        """Raises ValueError where `value` is not an array of objects.

        Pages shift while jobs arrive, so an id can come twice: the first one stays. Without a
        total, a full page means that there may be more. A page that is longer than was asked for is
        cut, and what is no object is left out: both are in the log.
        """
        if not isinstance(value, list):
            raise ValueError("a page of jobs is a JSON array")
        jobs = [Job.from_json(item) for item in objects(value, size)]
        first: dict[object, Job] = {}
        for place, job in enumerate(jobs):
            first.setdefault(job.id or place, job)
        has_more = len(value) >= size if total is None else page * size < total
        return cls(tuple(first.values()), page, size, total, has_more)


@dataclass(frozen=True, slots=True)
class Agent:
    """An agent; `type` as Emporix spells it."""

    id: str
    name: str
    type: str = ""
    enabled: bool = True

    @classmethod
    def from_json(cls, value: object) -> Agent:
        """Raises ValueError where `value` is no object; an agent without a name shows its id."""
        if not isinstance(value, dict):
            raise ValueError("an agent is a JSON object")
        id_ = text(value.get("id"))
        name = _in_english(value.get("name")) or id_
        return cls(id_, name, text(value.get("type")), value.get("enabled") is not False)


def _take_object(members: dict[str, object], name: str) -> dict[str, object] | None:
    """Take an object out of `members`; a null goes, something of another shape stays."""
    value = members.get(name)
    if isinstance(value, dict) or value is None:
        members.pop(name, None)
        return value
    return None


def _in_english(name: object) -> str:
    """Emporix: a localized text is a map of languages, or a plain string."""
    if not isinstance(name, dict):
        return text(name)
    words = [text(name.get("en")), *map(text, name.values())]
    return next(filter(None, words), "")
