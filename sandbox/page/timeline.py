"""A channel's messages and files in order, with threads, and the sidebar's unread counts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sandbox.page.viewer import Reader
from sandbox.slack.directory import BOT_USER_ID, Channel, User
from sandbox.slack.files import File
from sandbox.slack.messages import Message
from sandbox.slack.workspace import Workspace

TOGETHER_SECONDS = 300.0
"""Slack: an author's messages within this time are grouped under one name."""


@dataclass(slots=True)
class Entry:
    """A message or a file, with its replies.

    `key` identifies it within the channel; `version` changes whenever it must be rendered again.
    """

    key: str
    version: str
    at: datetime
    author: str
    message: Message | None = None
    file: File | None = None
    state: Any = None
    replies: list[Entry] = field(default_factory=list)
    opens_day: bool = False
    continues: bool = False

    def states(self) -> list[Any]:
        """Return the reader's selections in the entry and its replies."""
        return [self.state, *(reply.state for reply in self.replies)]


def timeline(
    workspace: Workspace, reader: Reader, channel_id: str, loaded_at: int = 0
) -> list[Entry]:
    """Return the channel's entries, oldest first.

    `loaded_at` is the version of the messages when the page was loaded. Slack: a client forgets the
    ephemeral messages from before.
    """
    entries = [
        *(
            _said(workspace, reader, one)
            for one in workspace.seen_by(reader.user, channel_id)
            if not one.only_for or one.version > loaded_at
        ),
        *(
            _shared(reader, file)
            for file in workspace.files_of(reader.user)
            if file.channel_id == channel_id
        ),
    ]
    entries.sort(key=lambda entry: entry.key)
    threaded = list(_threaded(entries))
    _mark(threaded)
    return threaded


def _said(workspace: Workspace, reader: Reader, message: Message) -> Entry:
    state = workspace.selections.of(reader.user.id, message)
    version = f"{message.version}"
    at = reader.at(float(message.ts))
    return Entry(message.ts, version, at, message.user_id, message=message, state=state)


def _shared(reader: Reader, file: File) -> Entry:
    return Entry(
        f"{file.shared_at:.6f}", file.id, reader.at(file.shared_at), BOT_USER_ID, file=file
    )


def _threaded(entries: Sequence[Entry]) -> Iterator[Entry]:
    """Move replies below their parent, if the reader can see it."""
    there = {entry.key: entry for entry in entries}
    for entry in entries:
        item = entry.message or entry.file
        thread = item.thread_ts if item else ""
        parent = there.get(thread) if thread != entry.key else None
        if parent:
            parent.replies.append(entry)
            parent.version += f".{entry.version}"
        else:
            yield entry


def _mark(entries: Sequence[Entry]) -> None:
    """Mark the first entry of each day, and entries that continue the author's previous one."""
    for before, entry in zip([None, *entries], entries, strict=False):
        entry.opens_day = before is None or before.at.date() != entry.at.date()
        entry.continues = (
            not entry.opens_day
            and before is not None
            and before.author == entry.author
            and (entry.at - before.at).total_seconds() < TOGETHER_SECONDS
            and not before.replies
            and not _is_private(entry)
            and not _is_private(before)
        )
        entry.version += f"-{int(entry.opens_day)}{int(entry.continues)}"


def _is_private(entry: Entry) -> bool:
    return bool(entry.message and entry.message.only_for)


@dataclass(frozen=True, slots=True)
class SidebarChannel:
    """A conversation in the sidebar."""

    channel: Channel
    unread: int
    is_current: bool


class ReadMarkers:
    """The newest entry that each user has seen in each conversation."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._read: dict[tuple[str, str], str] = {}

    def mark_read(self, user: User, channel: Channel, key: str) -> None:
        self._read[user.id, channel.id] = max(key, self._read.get((user.id, channel.id), ""))

    def channels(self, reader: Reader, current: Channel) -> list[SidebarChannel]:
        """Return all conversations of the reader."""
        directory = self._workspace.directory
        directory.direct(reader.user)
        return [
            SidebarChannel(channel, self._unread(reader, channel), channel == current)
            for channel in directory.channels.values()
            if reader.user.id in channel.members
        ]

    def _unread(self, reader: Reader, channel: Channel) -> int:
        read = self._read.get((reader.user.id, channel.id), "")
        entries = timeline(self._workspace, reader, channel.id)
        return sum(
            one.key > read and one.author != reader.user.id
            for entry in entries
            for one in (entry, *entry.replies)
        )
