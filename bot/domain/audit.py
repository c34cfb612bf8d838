"""The kinds of entries of the audit log: every change, every read of the log, every refusal."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class AuditEvent(StrEnum):
    """The value is the name in Redis, in the JSON lines and in `templates/audit.json.j2`."""

    CONNECTION_ADDED = "connection.added"
    CONNECTION_REMOVED = "connection.removed"
    CONNECTION_DEFAULT = "connection.default"
    JOBS_SHARED = "jobs.shared"
    JOB_DELETED = "job.deleted"
    CLEANUP_STARTED = "cleanup.started"
    CLEANUP_STOPPED = "cleanup.stopped"
    WATCH_STARTED = "watch.started"
    WATCH_STOPPED = "watch.stopped"
    DIGEST_CREATED = "digest.created"
    DIGEST_CHANGED = "digest.changed"
    DIGEST_PAUSED = "digest.paused"
    DIGEST_RESUMED = "digest.resumed"
    DIGEST_TAKEN_OVER = "digest.taken_over"
    DIGEST_POSTED_NOW = "digest.posted_now"
    DIGEST_DELETED = "digest.deleted"
    ALERT_ON = "alert.on"
    ALERT_RESUMED = "alert.resumed"
    ALERT_PAUSED = "alert.paused"
    ALERT_OFF = "alert.off"
    ALERT_MUTED = "alert.muted"
    ALERT_UNMUTED = "alert.unmuted"
    AUDIT_READ = "audit.read"
    APP_UNINSTALLED = "app.uninstalled"
    TOKEN_REVOKED = "token.revoked"  # noqa: S105 - a name
    USER_LEFT = "user.left"
    CHANNEL_LEFT = "channel.left"
    CHANNEL_ARCHIVED = "channel.archived"
    CHANNEL_DELETED = "channel.deleted"

    @property
    def by_service(self) -> bool:
        """Whether a service records it, one entry for each job, and the dispatcher does not."""
        return self is AuditEvent.JOB_DELETED

    @property
    def is_of_jobs(self) -> bool:
        """Whether jobs were deleted, or are being deleted."""
        return self in (AuditEvent.JOB_DELETED, AuditEvent.CLEANUP_STARTED)


DONE = "done"
"""The result of a change that was made."""


BEGUN = "begun"
"""The result of a delete that is under way, and for good where its end could not be recorded."""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """`event` is an AuditEvent; `at` is in seconds since 1970.

    `user_id` did it; empty for the app. `owner_id` are the other people whose digests or alerts
    these are, separated by commas. `result` is DONE or the template of an error; of a job BEGUN,
    deleted, already_gone or the template; of a clean-up BEGUN or why it ended. `subject` is the id
    of a job or a clean-up, or the name of a digest. `detail` are the names of changed fields, or
    why the app paused something. `count` says how many jobs, digests or alerts it was about, and
    `deleted` how many jobs of a clean-up are deleted.
    """

    at: float
    event: str
    user_id: str
    result: str
    tenant: str = ""
    channel_id: str = ""
    subject: str = ""
    owner_id: str = ""
    detail: str = ""
    count: int = 0
    deleted: int = 0
