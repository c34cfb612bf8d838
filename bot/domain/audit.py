"""Entries of the audit log: all changes, rejected attempts, and reads of the log."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class AuditEvent(StrEnum):
    """The values are used in Redis, in the JSON lines and in `templates/audit.json.j2`."""

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
        """Whether a service records it, once per job, instead of the dispatcher."""
        return self is AuditEvent.JOB_DELETED

    @property
    def is_of_jobs(self) -> bool:
        """Whether it is a deletion of jobs, possibly in progress."""
        return self in (AuditEvent.JOB_DELETED, AuditEvent.CLEANUP_STARTED)


DONE = "done"
"""Result of a change that was made."""


BEGUN = "begun"
"""Result of a delete in progress; it remains if the outcome couldn't be recorded."""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """An entry; `event` is an AuditEvent, `at` is in seconds since 1970.

    `user_id` is the user who acted, empty for the app. `owner_id` are the other owners of the
    affected digests or alerts, separated by commas. `result` is DONE or the template of an error;
    for a job BEGUN, deleted, already_gone or the template; for a clean-up BEGUN or why it ended.
    `subject` is the id of a job or clean-up, or the name of a digest. `detail` lists the changed
    fields, or says why the app paused something. `count` is the number of affected jobs, digests or
    alerts, and `deleted` the number of jobs that a clean-up deleted.
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
