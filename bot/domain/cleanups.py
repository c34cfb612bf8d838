"""Clean-ups: bulk deletes of jobs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.domain.accounts import Caller
from bot.domain.filters import Filters
from bot.domain.records import StoredRecord

DELETED, ALREADY_GONE = "deleted", "already_gone"


@dataclass(frozen=True, slots=True)
class Cleanup(StoredRecord):
    """Jobs to be deleted, from their count to the report.

    They are the `counted` jobs that fit `filters` and were modified last at `until` (ISO 8601, as
    Emporix wrote it) or before; `found` is how many of them were there when their ids were read, at
    `read_at`, None before that. All times but `until` and `exported_to` are in seconds since 1970,
    0 while they are to come: `progress_at` is when something was last achieved, `checked_at` when
    its owner was last known to be in Slack. `end_reason` says how it ended, `detail` is Slack's
    word for that, and `stopped_by` the user who stopped it, where they are not its owner.
    `fruitless_attempts` counts the attempts in which nothing came about, and until `paused_until`
    there is none. `progress_message` is where its owner sees it, and `audit_entry_id` its entry in
    the audit log. Before the first delete its owner is sent the jobs: `files` so far, with the jobs
    modified up to `exported_to`; `exported` says that they have them all.
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
"""Why a clean-up ended that made no progress for 30 minutes."""


@dataclass(frozen=True, slots=True)
class CleanupProgress:
    """`results` counts the jobs that have come to an end by how; `state` is what goes on.

    It is waiting (for a worker), looking (for the ids), exporting (the jobs to their owner),
    deleting, pausing (`error` is the name of the error) or stopping; and ended, then
    `cleanup.end_reason` says how.
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
        """How many jobs Emporix refused to delete, by the name of the error."""
        gone = (DELETED, ALREADY_GONE)
        return {name: count for name, count in self.results.items() if name not in gone}

    @property
    def missing(self) -> int:
        """Jobs that were counted, and not there any more as they were when their ids were read."""
        return 0 if self.cleanup.found is None else self.cleanup.counted - self.cleanup.found

    @property
    def remaining(self) -> int:
        """Jobs that nobody has tried to delete, or not to an end."""
        return self.cleanup.counted - self.missing - sum(self.results.values())

    @property
    def percent(self) -> int:
        """Of the jobs that were counted, those that are done with."""
        return 100 * (self.cleanup.counted - self.remaining) // max(1, self.cleanup.counted)
