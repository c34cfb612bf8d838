"""Users in Slack: administrators, deactivated users, time zones, user groups."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

from cachetools import TTLCache
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.accounts import Caller
from bot.errors import NotInChannel
from bot.rendering.renderer import Renderer
from bot.slack.errors import SLACK_ERRORS, ChannelNotVisible, UserGone, UserNotVisible, error_name
from bot.slack.request import SlackRequest
from bot.store.slack_cache import TimeZoneCache

logger = logging.getLogger(__name__)

ADMIN_FLAGS = ("is_admin", "is_owner", "is_primary_owner")
MEMBERS_PAGE_SIZE = 999  # Slack: the maximum of conversations.members
MAX_MEMBER_PAGES = 20


async def user_info(client: AsyncWebClient, user_id: str) -> Mapping[str, Any]:
    """Slack's user object (users.info, scope users:read)."""
    answer = await client.users_info(user=user_id)
    user: Mapping[str, Any] = answer["user"]
    return user


async def has_left(client: AsyncWebClient, user_id: str) -> bool:
    """Whether a user has left the workspace; False if the app can't see them."""
    try:
        user = await user_info(client, user_id)
    except SlackApiError as error:
        if UserGone.includes(error) or UserNotVisible.includes(error):
            return UserGone.includes(error)
        raise
    return bool(user.get("deleted"))


class CurrentUser:
    """The user who sent the request."""

    def __init__(self, renderer: Renderer, request: SlackRequest) -> None:
        self._renderer, self._request = renderer, request

    @property
    def caller(self) -> Caller:
        return self._request.caller

    async def is_admin(self) -> bool:
        """Whether the user is an administrator of the workspace."""
        user = await user_info(self._request.client, self.caller.user_id)
        is_ours = user.get("team_id") in (None, self.caller.team_id)
        return is_ours and any(user.get(name) for name in ADMIN_FLAGS)

    async def must_be_in(self, channel_id: str) -> None:
        """Raises NotInChannel unless the request came from that channel or the user is a member."""
        if channel_id == self._request.channel_id:
            return
        try:
            is_member = await self.is_member(channel_id, self.caller.user_id)
        except SlackApiError as error:
            if not ChannelNotVisible.includes(error):
                raise
            raise NotInChannel(channel_id, known=False) from error
        if not is_member:
            raise NotInChannel(channel_id)

    async def notify(self, other: Caller, template: str, /, **facts: Any) -> None:
        """Tell another user in a direct message about a change to something they own.

        The change is already made, so a refusal by Slack is only logged.
        """
        actor = self._request.caller
        if other.user_id == actor.user_id:
            return
        message: dict[str, Any] = self._renderer.render(template, by=actor.user_id, **facts)
        try:
            await self._request.client.chat_postMessage(channel=other.user_id, **message)
        except SLACK_ERRORS as error:
            logger.warning("an owner was not notified of a change: %s", error_name(error))

    async def is_member(self, channel_id: str, user_id: str) -> bool:
        """Whether a user is a member of a channel; raises NotInChannel if it has too many members.

        Slack: conversations.members, scopes channels:read and groups:read.
        """
        cursor = ""
        for _ in range(MAX_MEMBER_PAGES):
            answer = await self._request.client.conversations_members(
                channel=channel_id, limit=MEMBERS_PAGE_SIZE, cursor=cursor or None
            )
            if user_id in answer["members"]:
                return True
            cursor = (answer.get("response_metadata") or {}).get("next_cursor") or ""
            if not cursor:
                return False
        raise NotInChannel(channel_id, known=False)


USER_GROUPS_TTL_SECONDS = 60.0
"""Short enough to find a new user group; typing in a select sends several requests."""

MAX_CACHED_TEAMS = 100


@dataclass(frozen=True, slots=True)
class FoundUserGroups:
    """The names of user groups by id; `problem` says why they can't be read, or is ""."""

    names: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""


UserGroupCache: TypeAlias = TTLCache[str, FoundUserGroups]


def user_group_cache(clock: Callable[[], float]) -> UserGroupCache:
    """A cache of user groups by the id of the workspace."""
    return TTLCache(MAX_CACHED_TEAMS, USER_GROUPS_TTL_SECONDS, clock)


class UserGroups:
    """The user groups of the request's workspace. Without the optional scope, there are none."""

    def __init__(self, cache: UserGroupCache, request: SlackRequest) -> None:
        self._cache, self._request = cache, request

    async def find(self) -> FoundUserGroups:
        """The user groups that are not disabled.

        Slack: usergroups.list, scope usergroups:read. Its errors are in `problem`.
        """
        team_id = self._request.caller.team_id
        if found := self._cache.get(team_id):
            return found
        try:
            answer = await self._request.client.usergroups_list()
        except SLACK_ERRORS as error:
            problem = error_name(error)
            if problem != "missing_scope":
                logger.warning("the user groups could not be read: %s", problem)
            return FoundUserGroups(problem=problem)
        groups = answer.get("usergroups") or ()
        names = {str(group["id"]): _group_name(group) for group in groups}
        found = FoundUserGroups(dict(sorted(names.items(), key=lambda pair: pair[1].lower())))
        self._cache[team_id] = found
        return found


def _group_name(group: Mapping[str, Any]) -> str:
    handle, name = f"@{group.get('handle') or group['id']}", str(group.get("name") or "")
    return f"{handle} ({name})" if name else handle


TIME_ZONE_TIMEOUT_SECONDS = 2.0  # the user is waiting for a list


async def time_zone_of(
    caller: Caller, client: AsyncWebClient, cache: TimeZoneCache
) -> ZoneInfo | None:
    """A user's time zone in Slack; None if it is unknown or Slack takes too long.

    Raises StoreUnavailable.
    """
    if known := _zone(await cache.load(caller)):
        return known
    zone = _zone(await _read_zone(caller, client))
    if zone:
        await cache.save(caller, zone.key)
    return zone


async def _read_zone(caller: Caller, client: AsyncWebClient) -> str:
    """The user's `tz` from Slack, an IANA time zone name; "" if Slack fails or has none."""
    try:
        async with asyncio.timeout(TIME_ZONE_TIMEOUT_SECONDS):
            user = await user_info(client, caller.user_id)
    except SLACK_ERRORS as error:
        logger.warning("a user's time zone is not known: %s", type(error).__name__)
        return ""
    return str(user.get("tz") or "")


@dataclass(frozen=True, slots=True)
class UserClock:
    """The clock and time zone of the user who sent the request."""

    _time_zones: TimeZoneCache
    _clock: Callable[[], float]
    _request: SlackRequest

    def now(self) -> float:
        """Seconds since 1970."""
        return self._clock()

    async def zone(self) -> ZoneInfo | None:
        """The user's time zone; None if it is unknown. Raises StoreUnavailable."""
        return await time_zone_of(self._request.caller, self._request.client, self._time_zones)


def _zone(name: str) -> ZoneInfo | None:
    """The zone with this name; None if it doesn't exist (the database's folders are not zones)."""
    try:
        return ZoneInfo(name) if name else None
    except (KeyError, ValueError, OSError):
        logger.warning("unknown time zone: %r", name[:50])
        return None
