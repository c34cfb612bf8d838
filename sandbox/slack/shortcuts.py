"""The app's message shortcuts and global shortcuts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sandbox.slack.errors import NotFound
from sandbox.slack.messages import Message


@dataclass(frozen=True, slots=True)
class Shortcut:
    """`kind` says in which menu it stands: of each message, or of the whole workspace."""

    name: str
    callback_id: str
    kind: Literal["message", "global"]


SHORTCUTS = (
    Shortcut("Find Emporix jobs", "jobs.find.start", "message"),
    Shortcut("Delete Emporix jobs", "jobs.delete_mentioned.start", "message"),
    Shortcut("Search Emporix jobs", "jobs.filter.start", "global"),
)
"""Those of manifest.yml."""


def find_shortcut(shortcuts: tuple[Shortcut, ...], name: str) -> Shortcut:
    """By name or callback_id; raises Unknown."""
    for shortcut in shortcuts:
        if name in (shortcut.name, shortcut.callback_id):
            return shortcut
    names = ", ".join(shortcut.name for shortcut in shortcuts) or "none"
    raise NotFound(f"no shortcut {name!r}; there are: {names}")


def message_for(messages: list[Message], ts: str) -> Message:
    """The message of that time, or the newest that has a menu; raises Unknown.

    Slack shows no message shortcuts on what only one person sees.
    """
    for message in reversed(messages):
        if ts in ("", message.ts) and not message.only_for:
            return message
    raise NotFound(f"no message {ts or 'at all'} that all see: others have no shortcuts")
