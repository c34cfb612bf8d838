"""Watched jobs."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.accounts import Caller
from bot.domain.records import StoredRecord


@dataclass(frozen=True, slots=True)
class Watch(StoredRecord):
    """A user's request to be notified when a job ends; `since` is in seconds since 1970.

    `channel_id` and `message_ts` identify the channel message in which the user clicked Watch; they
    are empty for a private message. `shared_by` is the user who shared the job there, empty for a
    list.
    """

    id: str
    owner: Caller
    tenant: str
    job_id: str
    since: float
    channel_id: str = ""
    message_ts: str = ""
    shared_by: str = ""


@dataclass(frozen=True, slots=True)
class MessageRef:
    """The channel message in which the user clicked Watch; empty for a private message."""

    channel_id: str = ""
    message_ts: str = ""
    shared_by: str = ""


NO_MESSAGE = MessageRef()
