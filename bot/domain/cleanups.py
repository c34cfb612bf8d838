"""Clean-ups: bulk deletion of jobs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.domain.accounts import Caller
from bot.domain.filters import Filters
from bot.domain.records import StoredRecord

DELETED, ALREADY_GONE = "deleted", "already_gone"


@dataclass(frozen=True, slots=True)
class Cleanup(StoredRecord):
    """A bulk deletion and its state, from counting the jobs to the report.

    It deletes the `counted` jobs that match `filters` and were last modified at or before `until`
    (ISO 8601, as sent by Emporix). `found` is the number of them that still existed when their ids
    were read at `read_at`; None before that.

    All times except `until` and `exported_to` are in seconds since 1970, or 0 if not yet reached:
    `progress_at` is the time of the last progress, and `checked_at` the time at which its owner was
    last known to be in Slack. `end_reason` is the reason why it ended, `detail` the Slack error
    code for that, and `stopped_by` the user who stopped it, if not its owner. `fruitless_attempts`
    counts attempts without progress; the next attempt isn't made until `paused_until`.
    `progress_message` is the Slack message that shows its progress, and `audit_entry_id` is its
    entry in the audit log.

    Before the first delete, the jobs are sent to the owner. `files` counts the files sent so far,
    which contain the jobs modified up to `exported_to`; `exported` means that all jobs were sent.
    """

    id: str
    caller: Caller
    tenant: str
    filters: Filters
    counted: int
    until: str
    found: int | None = None
    read_at: float = 0
    started_at: float = 0
    progress_at: float = 0
    checked_at: float = 0
    ended_at: float = 0
    end_reason: str = ""
    detail: str = ""
    stopped_by: str = ""
    fruitless_attempts: int = 0
    paused_until: float = 0
    progress_message: str = ""
    audit_entry_id: str = ""
    files: int = 0
    exported_to: str = ""
    exported: bool = False


INTERRUPTED = "interrupted"
"""Reason for ending a clean-up that made no progress for 30 minutes."""


@dataclass(frozen=True, slots=True)
class CleanupProgress:
    """The progress of a clean-up: `results` counts jobs by result; `state` is the current step.

    The steps are waiting (for a worker), selecting (the jobs), exporting (the jobs to the owner),
    deleting, pausing (`error` is the name of the error), stopping and ended
    (`cleanup.end_reason` is the reason).
    """

    cleanup: Cleanup
    results: Mapping[str, int] = field(default_factory=dict)
    state: str = "waiting"
    error: str = ""

    @property
    def deleted(self) -> int:
        return self.results.get(DELETED, 0)

    @property
    def already_gone(self) -> int:
        return self.results.get(ALREADY_GONE, 0)

    @property
    def refused(self) -> dict[str, int]:
        """The number of jobs that Emporix refused to delete, by the name of the error."""
        gone = (DELETED, ALREADY_GONE)
        return {name: count for name, count in self.results.items() if name not in gone}

    @property
    def missing(self) -> int:
        """The number of counted jobs that had been deleted or changed when their ids were read."""
        return 0 if self.cleanup.found is None else self.cleanup.counted - self.cleanup.found

    @property
    def remaining(self) -> int:
        """The number of jobs without a final result."""
        return self.cleanup.counted - self.missing - sum(self.results.values())

    @property
    def percent(self) -> int:
        """The percentage of the counted jobs that are finished."""
        return 100 * (self.cleanup.counted - self.remaining) // max(1, self.cleanup.counted)
