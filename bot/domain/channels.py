"""Channels, and who reads them."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.records import StoredRecord


@dataclass(frozen=True, slots=True)
class Audience(StoredRecord):
    """Who reads a channel.

    `known` is False where that cannot be found out; `refused` is then Slack's error code.
    `outsiders` are people of other organizations, `archived` says that the channel takes no
    messages, and `direct` that it is a direct message.
    """

    channel_id: str
    known: bool = True
    outsiders: bool = False
    direct: bool = False
    archived: bool = False
    refused: str = ""
