"""Channels and their audiences."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.records import StoredRecord


@dataclass(frozen=True, slots=True)
class Audience(StoredRecord):
    """The people who can read a channel.

    `is_known` is False if they can't be determined; `error_code` is then Slack's error code.
    `has_outsiders` means that people from other organizations are members, `is_archived` that the
    channel accepts no messages, and `is_direct` that it is a direct message.
    """

    channel_id: str
    is_known: bool = True
    has_outsiders: bool = False
    is_direct: bool = False
    is_archived: bool = False
    error_code: str = ""
