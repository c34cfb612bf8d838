"""Jobs of the Emporix AI Service."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.records import StoredRecord


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
