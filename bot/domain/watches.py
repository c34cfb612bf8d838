"""Watched jobs."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.accounts import Caller
from bot.domain.records import StoredRecord


@dataclass(frozen=True, slots=True)
class Watch(StoredRecord):
    """Somebody wants to know when a job ends; `since` is in seconds since 1970.

    `channel_id` and `message_ts` are the message for all in which they said so, empty elsewhere;
    `shared_by` shared the job there, empty where the message is a list.
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
    """The message for all in which Watch was pressed; empty where only the presser sees it."""

    channel_id: str = ""
    message_ts: str = ""
    shared_by: str = ""


NO_MESSAGE = MessageRef()
