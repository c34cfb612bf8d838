"""Jobs, agents and logs of the Emporix AI Service.

All texts in these classes are untrusted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from bot.domain.records import StoredRecord, parse_time

SUCCEEDED, FAILED, RUNNING, SKIPPED = "success", "failure", "in_progress", "skipped"
"""Job statuses as spelled in Emporix's responses."""

FAILED_STATE = "FAILED"
"""State of an entity whose import failed."""


@dataclass(frozen=True, slots=True)
class Reason:
    """The reason for an entity's state: a code, Emporix's message, and its subject (`about`)."""

    code: str = ""
    message: str = ""
    about: str = ""


@dataclass(frozen=True, slots=True)
class ImportedEntity:
    """An entity in an import; `kind` is "agent", "tool" or "MCP server".

    `state` is spelled as in Emporix (`ENABLED`, `FAILED`, …); `details` are its reasons, and
    `left_out` counts the reasons beyond the first 20.
    """

    kind: str
    id: str = ""
    name: str = ""
    state: str = ""
    details: tuple[Reason, ...] = ()
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class ImportResult:
    """The result of an import; even a job that succeeded may contain entities that failed.

    It contains at most 1,000 `entities`, failures first; `left_out` counts the others.
    """

    message: str = ""
    entities: tuple[ImportedEntity, ...] = ()
    left_out: int = 0

    @property
    def worst_first(self) -> tuple[ImportedEntity, ...]:
        """Failed entities, then the rest, each in Emporix's order."""
        return tuple(sorted(self.entities, key=lambda entity: entity.state != FAILED_STATE))


@dataclass(frozen=True, slots=True)
class ExportResult:
    """Exported agents: `data` is base64-encoded JSON; `checksum`'s algorithm is undocumented."""

    data: str = field(default="", repr=False)
    checksum: str = ""


@dataclass(frozen=True, slots=True)
class Job:
    """A job of the AI Service; missing values are empty.

    `status` is always lower case and `type` upper case. Times are in ISO 8601, unchanged. `extra`
    contains up to 40 unknown fields, and known fields of an unexpected type, each shortened;
    `left_out` counts the others. Two values aren't part of the job itself: `agent_name` is the name
    of its agent, if known, and `error_line` the cause according to its log, if that was read.
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
    error_line: str = field(default="", repr=False)


def created_at(job: Job) -> float:
    """When a job was created, in seconds since 1970; 0 if that is unknown."""
    moment = parse_time(job.created_at)
    return moment.timestamp() if moment else 0.0


def modified_at(job: Job) -> float:
    """When a job last changed, in seconds since 1970; 0 if that is unknown."""
    moment = parse_time(job.modified_at)
    return moment.timestamp() if moment else 0.0


@dataclass(frozen=True, slots=True)
class JobPage:
    """A page of at most `size` jobs; `page` counts from 1, and `total` is None if unknown."""

    jobs: tuple[Job, ...]
    page: int
    size: int
    total: int | None
    has_more: bool


@dataclass(frozen=True, slots=True)
class Agent:
    """An agent; `type` is spelled as in Emporix.

    `version` and `modified_at` change with each change of the agent; 0 and "" if unknown.
    """

    id: str
    name: str
    type: str = ""
    enabled: bool = True
    version: int = 0
    modified_at: str = ""


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line of a log; `severity` is in upper case, and `timestamp` is unchanged.

    `message` may contain personal data. `is_business` is False for technical lines, and None if
    Emporix doesn't specify it.
    """

    timestamp: str = ""
    severity: str = ""
    message: str = field(default="", repr=False)
    agent_id: str = ""
    request_id: str = ""
    is_business: bool | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """A session and its log, oldest line first; `seconds` is its duration, if known.

    It contains at most the first 5,000 lines; `left_out` counts the others.
    """

    id: str
    severity: str
    agents: tuple[str, ...]
    lines: tuple[LogLine, ...]
    seconds: int | None
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class RequestLog:
    """The log of one request, oldest line first; the unit of its `duration` is not documented.

    It contains at most the first 5,000 lines; `left_out` counts the others.
    """

    lines: tuple[LogLine, ...] = ()
    duration: int | None = None
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class JobSummary(StoredRecord):
    """The job fields shown in a Home tab; `message` is the start of the agent's message."""

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
        """Always empty; needed for list rows, which prefer a job's response to its message."""
        return ""


@dataclass(frozen=True, slots=True)
class AgentCount(StoredRecord):
    """The number of jobs of an agent; `name` is "" for jobs without an agent."""

    name: str
    count: int


@dataclass(frozen=True, slots=True)
class FailureCause(StoredRecord):
    """A group of `count` jobs that failed for the same cause, and the newest of them.

    In `message`, "…" replaces the parts that differ between jobs. `agents` are sorted by number of
    jobs, highest first. `job_ids` are the ids of at most 20 jobs, newest first.
    """

    count: int
    message: str
    agents: tuple[AgentCount, ...]
    job_ids: tuple[str, ...]
    newest: JobSummary

    @property
    def jobs(self) -> tuple[JobSummary, ...]:
        return (self.newest,)


@dataclass(frozen=True, slots=True)
class RecentFailures(StoredRecord):
    """Failed jobs: their most common causes and their `total` (None if Emporix didn't return it).

    The newest `read` jobs have `cause_count` causes. `has_more` is True if there are older jobs.
    """

    causes: tuple[FailureCause, ...]
    cause_count: int
    read: int
    total: int | None
    has_more: bool


@dataclass(frozen=True, slots=True)
class NewestJobs(StoredRecord):
    """The newest jobs of a kind, and their `total` (None if Emporix didn't return it)."""

    jobs: tuple[JobSummary, ...]
    total: int | None
    has_more: bool


@dataclass(frozen=True, slots=True)
class TenantStats(StoredRecord):
    """A tenant's job statistics for a Home tab, read at `read_at` (0 if never).

    `failed` and `succeeded` cover 24 hours; `succeeded` is None if Emporix didn't return it.
    `requested_at` is the time of the last request, and `error` is the template of its error, empty
    if it succeeded. Times are in seconds since 1970.
    """

    tenant: str
    requested_at: float
    read_at: float = 0
    failed: RecentFailures | None = None
    running: NewestJobs | None = None
    succeeded: int | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class DeletedJob(StoredRecord):
    """A job deleted by `user_id` (empty if it was already gone) at `at`, in seconds since 1970."""

    tenant: str
    job_id: str
    user_id: str
    at: float


@dataclass(frozen=True, slots=True)
class FailedAgent(StoredRecord):
    """An agent whose jobs failed, most recently at `at` according to Emporix."""

    agent_id: str
    name: str
    at: float


MAX_RECOVERIES = 50
"""The recoveries of a message that are stored."""


@dataclass(frozen=True, slots=True)
class Recovery(StoredRecord):
    """An agent that succeeded again, a stuck job that ended, or the first job after a silence.

    `kind` is "agent", "job" or "silence". `id` is that of the agent or the job, and `name` the
    agent's name. `status` is that of a stuck job, empty if it was deleted. `at` is the time in
    Emporix, and `seen_at` when a worker noticed.
    """

    kind: str
    id: str
    name: str
    at: float
    seen_at: float
    status: str = ""


def add_recoveries(known: Sequence[Recovery], new: Iterable[Recovery]) -> tuple[Recovery, ...]:
    """The recoveries with those that are new."""
    ids = {one.id for one in known}
    return (*known, *(one for one in new if one.id not in ids))[-MAX_RECOVERIES:]


def without_failed(
    known: Iterable[Recovery], failed: Sequence[FailedAgent]
) -> tuple[Recovery, ...]:
    """The recoveries without those of agents that have failed later."""
    failed_at = {agent.agent_id: agent.at for agent in failed}
    return tuple(one for one in known if one.at >= failed_at.get(one.id, 0.0))
