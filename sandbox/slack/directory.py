"""The workspace's team, users, user groups, channels and direct messages."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

from sandbox.slack.errors import NotFound

TEAM_ID = "T0ACME"
TEAM_DOMAIN = "acme-shop"
TEAM_NAME = "Acme Shop"
APP_ID = "A0EMPORIX"
BOT_USER_ID = "U0BOT"
BOT_ID = "B0BOT"
BOT_NAME = "emporix"
SLACKBOT_ID = "USLACKBOT"


@dataclass(frozen=True, slots=True)
class User:
    """A user; `tz` is a name of the IANA time zone database."""

    id: str
    name: str
    real_name: str
    tz: str
    is_admin: bool = False
    is_owner: bool = False
    is_primary_owner: bool = False
    is_deactivated: bool = False


@dataclass(frozen=True, slots=True)
class UserGroup:
    """A user group; `members` are user ids. A disabled group cannot be mentioned."""

    id: str
    handle: str
    name: str
    members: frozenset[str]
    is_disabled: bool = False


@dataclass(frozen=True, slots=True)
class Channel:
    """A conversation; `members` are user ids, and `is_im` marks a direct message with the bot.

    The bot can't see a private channel unless it is a member. `is_ext_shared` marks a channel that
    is shared with another organization (Slack Connect).
    """

    id: str
    name: str
    members: frozenset[str]
    is_im: bool = False
    is_private: bool = False
    is_ext_shared: bool = False
    is_archived: bool = False


ADA = User("U0ADA", "ada", "Ada Lovelace", "Europe/Berlin", is_admin=True)
GRACE = User("U0GRACE", "grace", "Grace Hopper", "America/New_York")
_BOTH = frozenset({ADA.id, GRACE.id})
USER_GROUPS = (
    UserGroup("S0OPS", "ops-team", "Operations", _BOTH),
    UserGroup("S0SHOP", "shop-owners", "Shop owners", frozenset({ADA.id})),
)
CHANNELS = (
    Channel("C0GENERAL", "general", _BOTH | {BOT_USER_ID}),
    Channel("C0OPS", "ops", _BOTH | {BOT_USER_ID}),
    Channel("C0SECRET", "secret", _BOTH),
    Channel("C0BOARD", "board", _BOTH, is_private=True),
    Channel("C0PARTNERS", "partners", _BOTH | {BOT_USER_ID}, is_ext_shared=True),
)


class Directory:
    """Finds users and channels by id or name. `dm` is the direct message of the user."""

    def __init__(
        self, users: Iterable[User] = (ADA, GRACE), channels: Iterable[Channel] = CHANNELS
    ) -> None:
        self.users = {user.id: user for user in users}
        self.user_groups = {group.id: group for group in USER_GROUPS}
        self.channels = {channel.id: channel for channel in channels}
        self._direct: dict[str, Channel] = {}
        self._numbers = count(1)

    def user(self, key: str) -> User:
        """Raises `NotFound`."""
        for user in self.users.values():
            if key in (user.id, user.name):
                return user
        raise NotFound(f"no user {key!r}; there are {_listed(self.users.values())}")

    def channel(self, key: str, user: User | None = None) -> Channel:
        """Find a channel by id, by name with or without #, or "dm" for the direct message.

        Raises `NotFound`, also if `user` is given and is not a member.
        """
        if key == "dm" and user:
            return self.direct(user)
        for channel in self.channels.values():
            if key == channel.id or (key.removeprefix("#") == channel.name and not channel.is_im):
                return self._seen(channel, user)
        public = [channel for channel in self.channels.values() if not channel.is_im]
        raise NotFound(f"no channel {key!r}; there are {_listed(public)}, dm")

    def archive(self, channel_id: str) -> None:
        self._change(channel_id, is_archived=True)

    def delete(self, channel_id: str) -> None:
        del self.channels[channel_id]

    def admit(self, channel_id: str, user_id: str) -> None:
        """Add a user to a channel."""
        self._change(channel_id, members=self.channels[channel_id].members | {user_id})

    def remove(self, channel_id: str, user_id: str) -> None:
        """Remove a user from a channel."""
        self._change(channel_id, members=self.channels[channel_id].members - {user_id})

    def share(self, channel_id: str) -> None:
        """Share the channel with another organization."""
        self._change(channel_id, is_ext_shared=True)

    def unshare(self, channel_id: str) -> None:
        """Stop sharing the channel with the other organization."""
        self._change(channel_id, is_ext_shared=False)

    def deactivate(self, user_id: str) -> None:
        """Deactivate a user's account."""
        self.users[user_id] = replace(self.users[user_id], is_deactivated=True)

    def direct(self, user: User) -> Channel:
        """Return the bot's direct message with this user, opening it if necessary."""
        if user.id not in self._direct:
            members = frozenset({user.id, BOT_USER_ID})
            channel = Channel(f"D0{next(self._numbers):04d}", "directmessage", members, is_im=True)
            self._direct[user.id] = self.channels[channel.id] = channel
        return self._direct[user.id]

    def _change(self, channel_id: str, **what: Any) -> None:
        self.channels[channel_id] = replace(self.channels[channel_id], **what)

    def _seen(self, channel: Channel, user: User | None) -> Channel:
        if user and user.id not in channel.members:
            raise NotFound(f"{user.name} is not in {channel.id}")
        return channel


def _listed(things: Iterable[User | Channel]) -> str:
    return ", ".join(sorted(thing.name for thing in things))
