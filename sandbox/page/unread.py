"""Who has read what: for the marks beside the names of channels."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.page.timeline import timeline
from sandbox.page.viewer import Reader
from sandbox.slack.directory import Channel, User
from sandbox.slack.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Place:
    """A conversation in the sidebar."""

    channel: Channel
    unread: int
    is_current: bool


class Reading:
    """The newest entry that each person has seen in each conversation."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._read: dict[tuple[str, str], str] = {}

    def read(self, user: User, channel: Channel, key: str) -> None:
        self._read[user.id, channel.id] = max(key, self._read.get((user.id, channel.id), ""))

    def places(self, reader: Reader, current: Channel) -> list[Place]:
        """All conversations of the reader."""
        directory = self._workspace.directory
        directory.direct(reader.user)
        return [
            Place(channel, self._unread(reader, channel), channel == current)
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
