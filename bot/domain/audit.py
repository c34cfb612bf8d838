"""Entries of the audit log: all changes, rejected attempts, and reads of the log."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class AuditEvent(StrEnum):
    """Kinds of entries; the values appear in Redis, JSON lines and `templates/audit.json.j2`."""

    CONNECTION_ADDED = "connection.added"
    CONNECTION_REMOVED = "connection.removed"
    CONNECTION_DEFAULT = "connection.default"
    JOBS_SHARED = "jobs.shared"
    JOB_DELETED = "job.deleted"
    JOB_RUN_AGAIN = "job.run_again"
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
    ALERT_CLAIMED = "alert.claimed"
    ALERT_RESOLVED = "alert.resolved"
    ALERT_REOPENED = "alert.reopened"
    ALERT_SNOOZED = "alert.snoozed"
    ALERT_SNOOZE_ENDED = "alert.snooze_ended"
    ALERT_MENTIONS = "alert.mentions"
    AUDIT_READ = "audit.read"
    APP_UNINSTALLED = "app.uninstalled"
    TOKEN_REVOKED = "token.revoked"  # noqa: S105 - a name
    USER_LEFT = "user.left"
    CHANNEL_LEFT = "channel.left"
    CHANNEL_ARCHIVED = "channel.archived"
    CHANNEL_DELETED = "channel.deleted"

    @property
    def by_service(self) -> bool:
        """Whether a service records the event, once per job, instead of the dispatcher."""
        return self in (AuditEvent.JOB_DELETED, AuditEvent.JOB_RUN_AGAIN)

    @property
    def is_of_jobs(self) -> bool:
        """Whether the event is a deletion of jobs, which may be in progress."""
        return self in (AuditEvent.JOB_DELETED, AuditEvent.CLEANUP_STARTED)


DONE = "done"
"""Result of a change that was made."""


BEGUN = "begun"
"""Result of a delete in progress; it remains if the outcome couldn't be recorded."""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """An audit log entry; `event` is an AuditEvent, and `at` is in seconds since 1970.

    `user_id` is the user who acted, empty for the app. `owner_id` contains the other owners of the
    affected digests or alerts, separated by commas. `result` is DONE or the template of an error.
    For a job, it is BEGUN, deleted, already_gone or the template; for a clean-up, BEGUN or the
    reason why it ended; for a run, BEGUN, DONE, run_taken, run_not_found, run_unchecked or the
    template. `subject` is the id of a job or clean-up, or the name of a digest. `detail` lists the
    changed fields, is the id of a new job, or the reason why the app paused something. `count` is
    the number of affected jobs, digests or alerts, and `deleted` the number of jobs that a clean-up
    deleted.
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
