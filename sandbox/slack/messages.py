"""Messages, including ephemeral ones, in order."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

from sandbox.slack.directory import APP_ID, BOT_ID, BOT_USER_ID, TEAM_ID
from sandbox.slack.times import Clock, MessageTimestamps


@dataclass(frozen=True, slots=True)
class Message:
    """A message; `only_for` is the id of the only user who sees it, or empty.

    `attachments` come from other apps and from links; this app sends none. `version` increases with
    every new or changed message in the workspace.
    """

    channel_id: str
    ts: str
    text: str
    blocks: list[dict[str, Any]]
    user_id: str = BOT_USER_ID
    only_for: str = ""
    thread_ts: str = ""
    edited: bool = False
    version: int = 0
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """Set by the app that posted the message; users don't see it."""
    attachments: Sequence[dict[str, Any]] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the message as `/sandbox/messages` shows it."""
        return {
            "ts": self.ts,
            "channel": self.channel_id,
            "user": self.user_id,
            "text": self.text,
            "blocks": self.blocks,
            "thread_ts": self.thread_ts or None,
            "ephemeral": bool(self.only_for),
            "edited": self.edited,
        }

    def as_slack(self) -> dict[str, Any]:
        """Return the message as Slack shows it to the app."""
        more: dict[str, Any] = {"thread_ts": self.thread_ts} if self.thread_ts else {}
        if self.edited:
            more["edited"] = {"user": self.user_id, "ts": self.ts}
        if self.attachments:
            more["attachments"] = list(self.attachments)
        if self.user_id == BOT_USER_ID:
            more |= {"bot_id": BOT_ID, "app_id": APP_ID}
        return {
            "type": "message",
            "user": self.user_id,
            "team": TEAM_ID,
            "ts": self.ts,
            "text": self.text,
            "blocks": self.blocks,
        } | more


class Messages:
    """All messages by channel and timestamp."""

    def __init__(self, clock: Clock) -> None:
        self._all: dict[tuple[str, str], Message] = {}
        self._stamps = MessageTimestamps(clock)
        self._versions = count(1)
        self.version = 0
        """The version of the newest change."""

    def add(
        self,
        channel_id: str,
        text: str,
        blocks: list[dict[str, Any]],
        *,
        user_id: str = BOT_USER_ID,
        only_for: str = "",
        thread_ts: str = "",
        metadata: Mapping[str, Any] | None = None,
        attachments: Sequence[dict[str, Any]] = (),
    ) -> Message:
        ts = self._stamps.new()
        message = Message(channel_id, ts, text, blocks, user_id, only_for, thread_ts)
        return self._put(replace(message, metadata=metadata or {}, attachments=attachments))

    def find(self, channel_id: str, ts: str) -> Message | None:
        return self._all.get((channel_id, ts))

    def of_channel(self, channel_id: str) -> list[Message]:
        """Return the messages that everyone in a channel can read, with threads, oldest first."""
        return [
            message
            for message in self._all.values()
            if message.channel_id == channel_id and not message.only_for
        ]

    def replace(self, message: Message, text: str, blocks: list[dict[str, Any]]) -> Message:
        return self._put(replace(message, text=text, blocks=blocks, edited=True))

    def delete(self, message: Message) -> None:
        self._all.pop((message.channel_id, message.ts), None)
        self.version = next(self._versions)

    def seen_by(self, user_id: str, channel_ids: Collection[str], since: int = 0) -> list[Message]:
        """Return the messages that this user sees, oldest first; only changes after `since`."""
        return [
            message
            for message in self._all.values()
            if message.only_for in ("", user_id)
            and message.channel_id in channel_ids
            and message.version > since
        ]

    def clear(self) -> None:
        self._all.clear()

    def _put(self, message: Message) -> Message:
        self.version = next(self._versions)
        kept = replace(message, version=self.version)
        self._all[message.channel_id, message.ts] = kept
        return kept
