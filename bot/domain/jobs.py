"""Jobs, agents and sessions of the Emporix AI Service.

Texts in them come from outside and are untrusted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.domain.records import StoredRecord

SUCCEEDED, FAILED, RUNNING, SKIPPED = "success", "failure", "in_progress", "skipped"
"""The statuses of jobs, as Emporix spells them in responses."""

FAILED_STATE = "FAILED"
"""The state of an entity whose import failed."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why an entity is in its state: a code, Emporix's own words, and what they are about."""

    code: str = ""
    message: str = ""
    about: str = ""


@dataclass(frozen=True, slots=True)
class ImportedEntity:
    """One thing that an import touched; `kind` is "agent", "tool" or "MCP server".

    `state` as Emporix spells it (`ENABLED`, `FAILED`, …); `details` says why, and `left_out` counts
    the reasons beyond the first 20.
    """

    kind: str
    id: str = ""
    name: str = ""
    state: str = ""
    details: tuple[Reason, ...] = ()
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What an import did; a job that succeeded can still hold entities that failed.

    At most 1,000 `entities`, failures first; `left_out` counts the others.
    """

    message: str = ""
    entities: tuple[ImportedEntity, ...] = ()
    left_out: int = 0

    @property
    def worst_first(self) -> tuple[ImportedEntity, ...]:
        """Failures, then the rest, each in Emporix's order."""
        return tuple(sorted(self.entities, key=lambda entity: entity.state != FAILED_STATE))


@dataclass(frozen=True, slots=True)
class ExportResult:
    """Exported agents: `data` is base64 of JSON; the algorithm of `checksum` is not documented."""

    data: str = field(default="", repr=False)
    checksum: str = ""


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


@dataclass(frozen=True, slots=True)
class JobPage:
    """Page `page` (from 1) of at most `size` jobs; `total` over all pages where Emporix said."""

    jobs: tuple[Job, ...]
    page: int
    size: int
    total: int | None
    has_more: bool


@dataclass(frozen=True, slots=True)
class Agent:
    """An agent; `type` as Emporix spells it."""

    id: str
    name: str
    type: str = ""
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line; `severity` in upper case, `timestamp` as it came. `message` may name customers.

    `is_business` is False for what only technicians read, None where Emporix does not say.
    """

    timestamp: str = ""
    severity: str = ""
    message: str = field(default="", repr=False)
    agent_id: str = ""
    request_id: str = ""
    is_business: bool | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """A session and its log, the oldest line first; `seconds` is how long it took, if known.

    At most 5,000 lines, the first that came; `left_out` counts the others.
    """

    id: str
    severity: str
    agents: tuple[str, ...]
    lines: tuple[LogLine, ...]
    seconds: int | None
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class JobSummary(StoredRecord):
    """As much of a job as a Home shows; `message` is the beginning of what its agent said."""

    id: str
    status: str
    type: str
    agent_id: str
    agent_name: str
    agent_type: str
    commerce_event: str
    created_at: str
    message: str

    @property
    def response(self) -> str:
        """For rows, which show the response of a job rather than its message."""
        return ""


@dataclass(frozen=True, slots=True)
class NewestJobs(StoredRecord):
    """The newest jobs of a kind; how many there are in all, `total`, where Emporix said it."""

    jobs: tuple[JobSummary, ...]
    total: int | None
    has_more: bool


@dataclass(frozen=True, slots=True)
class TenantStats(StoredRecord):
    """The newest failed and running jobs of a tenant, read at `read_at`, 0 if never.

    `requested_at` is when the last request was made, and `error` the template of its error, "" if
    it succeeded. Times are in seconds since 1970.
    """

    tenant: str
    requested_at: float
    read_at: float = 0
    failed: NewestJobs | None = None
    running: NewestJobs | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class DeletedJob(StoredRecord):
    """`user_id` deleted it; empty where it was gone before. `at` is in seconds since 1970."""

    tenant: str
    job_id: str
    user_id: str
    at: float
