"""The state of the stand-in for Slack: one workspace with the app installed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from sandbox.slack.directory import Directory, User
from sandbox.slack.faults import Faults
from sandbox.slack.files import File, Files
from sandbox.slack.journal import Journal
from sandbox.slack.messages import Message, Messages
from sandbox.slack.post_limits import PostLimits
from sandbox.slack.response_urls import ResponseUrls
from sandbox.slack.selections import Selections
from sandbox.slack.shortcuts import SHORTCUTS, Shortcut
from sandbox.slack.socket_mode import SocketModeServer
from sandbox.slack.times import Clock
from sandbox.slack.triggers import Triggers
from sandbox.slack.views import Views

BOT_SCOPES = frozenset(
    {
        "commands",
        "chat:write",
        "channels:history",
        "channels:join",
        "channels:read",
        "files:write",
        "groups:history",
        "groups:read",
        "im:history",
        "im:write",
        "usergroups:read",
        "users:read",
    }
)
"""The scopes in manifest.yml."""

COMMANDS = frozenset({"/emporix"})
"""The commands in manifest.yml. Slack sends no others to the app."""

EVENTS = frozenset(
    {
        "app_home_opened",
        "app_uninstalled",
        "channel_archive",
        "channel_deleted",
        "channel_left",
        "channel_shared",
        "channel_unshared",
        "group_archive",
        "group_deleted",
        "group_left",
        "tokens_revoked",
        "user_change",
    }
)
"""The subscriptions in manifest.yml. Slack sends no other events to the app."""

ACK_SECONDS = 3.0
"""Seconds. Slack: an app must acknowledge within this time."""


class Workspace:
    """The team acme-shop with Ada and Grace; `clock` returns the time.

    `bot_url` is the app's address, without a trailing slash; it must be set before users act.
    `slack_url` is the address at which the app last called the Web API, and to which it uploads
    files. With `shows_metadata`, the app can read the metadata of its own messages; Slack doesn't
    document whether that needs the scope metadata.message:read. `forget_elsewhere` is called by
    `/sandbox/forget` to reset the app's own data.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        bot_token: str = "xoxb-sandbox-bot",
        signing_secret: str = "5a2d0b0c51962e5a3d6f0c1b7e8f9a24",
        bot_scopes: frozenset[str] = BOT_SCOPES,
    ) -> None:
        self.clock = clock
        self.bot_token = bot_token
        self.signing_secret = signing_secret
        self.bot_scopes = bot_scopes
        self.shortcuts: tuple[Shortcut, ...] = SHORTCUTS
        self.events = EVENTS
        self.has_home_tab = True
        self.shows_metadata = True
        self.is_token_revoked = False
        self.forget_elsewhere: Callable[[], Awaitable[None]] | None = None
        self.bot_url = ""
        self.slack_url = ""
        self.ack_seconds = ACK_SECONDS
        self.directory = Directory()
        self.messages = Messages(clock)
        self.views = Views()
        self.selections = Selections()
        self.files = Files(clock)
        self.triggers = Triggers(clock)
        self.response_urls = ResponseUrls(clock)
        self.faults = Faults()
        self.post_limits = PostLimits(clock)
        self.journal = Journal()
        self.socket_mode = SocketModeServer()

    def seen_by(self, user: User, channel_id: str = "", since: int = 0) -> list[Message]:
        """Return the messages that a user sees in one or all of their channels, oldest first.

        With `since`, only those that changed after that version.
        """
        theirs = [c.id for c in self.directory.channels.values() if user.id in c.members]
        return self.messages.seen_by(user.id, [channel_id] if channel_id else theirs, since)

    def files_of(self, user: User) -> list[File]:
        """Return the files that a user sees, oldest first."""
        theirs = {c.id for c in self.directory.channels.values() if user.id in c.members}
        return self.files.seen_in(theirs)

    def forget(self) -> None:
        """Delete all messages, views and files, and begin a new journal."""
        self.journal = Journal()
        self.messages.clear()
        self.views.clear()
        self.selections.clear()
        self.files.clear()
