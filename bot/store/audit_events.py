"""The kinds of entries of the audit log: every change, every read of the log, every refusal."""

from __future__ import annotations

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
