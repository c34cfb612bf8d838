"""The app's message shortcuts and global shortcuts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sandbox.slack.errors import NotFound
from sandbox.slack.messages import Message


@dataclass(frozen=True, slots=True)
class Shortcut:
    """A shortcut; `kind` says whether it is in the menu of each message or of the workspace."""

    name: str
    callback_id: str
    kind: Literal["message", "global"]


SHORTCUTS = (
    Shortcut("Find Emporix jobs", "jobs.find.start", "message"),
    Shortcut("Delete Emporix jobs", "jobs.delete_mentioned.start", "message"),
    Shortcut("Search Emporix jobs", "jobs.filter.start", "global"),
)
"""The shortcuts in manifest.yml."""


def find_shortcut(shortcuts: tuple[Shortcut, ...], name: str) -> Shortcut:
    """Find a shortcut by name or callback_id. Raises `NotFound`."""
    for shortcut in shortcuts:
        if name in (shortcut.name, shortcut.callback_id):
            return shortcut
    names = ", ".join(shortcut.name for shortcut in shortcuts) or "none"
    raise NotFound(f"no shortcut {name!r}; there are: {names}")


def message_for(messages: list[Message], ts: str) -> Message:
    """Return the message with this timestamp, or the newest that has a menu. Raises `NotFound`.

    Slack: ephemeral messages have no shortcuts.
    """
    for message in reversed(messages):
        if ts in ("", message.ts) and not message.only_for:
            return message
    raise NotFound(f"no message {ts or 'at all'} that all see: others have no shortcuts")
