"""Watched jobs."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.accounts import Caller
from bot.domain.jobs import RUNNING, JobSummary
from bot.domain.records import StoredRecord


@dataclass(frozen=True, slots=True)
class Watch(StoredRecord):
    """A user's request to be notified when a job ends; `since` is in seconds since 1970.

    `channel_id` and `message_ts` identify the channel message in which the user clicked Watch; they
    are empty for a private message. `shared_by` is the user who shared the job there, empty for a
    list. `agent`, `type`, `created_at` and `excerpt` describe the job in lists of watched jobs.
    """

    id: str
    owner: Caller
    tenant: str
    job_id: str
    since: float
    channel_id: str = ""
    message_ts: str = ""
    shared_by: str = ""
    agent: str = ""
    type: str = ""
    created_at: str = ""
    excerpt: str = ""

    @property
    def job(self) -> JobSummary:
        """The job when the user started to watch it: a watched job is running."""
        return JobSummary(
            id=self.job_id,
            status=RUNNING,
            type=self.type,
            agent_id=self.agent,
            agent_name=self.agent,
            agent_type="",
            commerce_event="",
            created_at=self.created_at,
            message=self.excerpt,
        )


@dataclass(frozen=True, slots=True)
class MessageRef:
    """The channel message in which the user clicked Watch; empty for a private message."""

    channel_id: str = ""
    message_ts: str = ""
    shared_by: str = ""


NO_MESSAGE = MessageRef()
