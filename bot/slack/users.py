"""Users in Slack: administrators, deactivated users, time zones, user groups."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
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
    """Slack's user object (users.info, scope users:read); empty if Slack sends none."""
    answer = await client.users_info(user=user_id)
    return answer.get("user") or {}


async def has_left(client: AsyncWebClient, user_id: str) -> bool:
    """Whether a user has left the workspace; False if the app can't see them."""
    try:
        user = await user_info(client, user_id)
    except SlackApiError as error:
        if UserGone.includes(error) or UserNotVisible.includes(error):
            return UserGone.includes(error)
        raise
    return bool(user.get("deleted"))


async def is_member(client: AsyncWebClient, channel_id: str, user_id: str) -> bool:
    """Whether a user is a member of a channel; raises NotInChannel if it has too many members.

    Slack: conversations.members, scopes channels:read and groups:read.
    """
    cursor = ""
    for _ in range(MAX_MEMBER_PAGES):
        answer = await client.conversations_members(
            channel=channel_id, limit=MEMBERS_PAGE_SIZE, cursor=cursor or None
        )
        if user_id in answer["members"]:
            return True
        cursor = (answer.get("response_metadata") or {}).get("next_cursor") or ""
        if not cursor:
            return False
    raise NotInChannel(channel_id, known=False)


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
        """Whether a user is a member of a channel, as in the function `is_member`."""
        return await is_member(self._request.client, channel_id, user_id)


async def user_group_names(client: AsyncWebClient, team_id: str) -> Mapping[str, str]:
    """The names of a workspace's user groups by id, in order, without those that are disabled.

    Slack: usergroups.list, scope usergroups:read, tier 2 (about 20 calls a minute). `team_id` is
    required with the token of an organization, and ignored with that of a workspace. The error
    plan_upgrade_required means that the workspace's plan has no user groups
    (https://docs.slack.dev/reference/methods/usergroups.list). Raises the errors of the Web API.
    """
    answer = await client.usergroups_list(team_id=team_id)
    groups = answer.get("usergroups") or ()
    names = {str(group["id"]): _group_name(group) for group in groups}
    return dict(sorted(names.items(), key=lambda pair: pair[1].lower()))


def _group_name(group: Mapping[str, Any]) -> str:
    handle, name = f"@{group.get('handle') or group['id']}", str(group.get("name") or "")
    return f"{handle} ({name})" if name else handle


async def find_gone(
    client: AsyncWebClient, team_id: str, user_ids: Iterable[str], group_ids: Sequence[str]
) -> list[str]:
    """The users who have left, and the user groups that were disabled, as far as Slack says so.

    A message that mentions them notifies nobody. An empty id stands for a person who has left.
    """
    gone: list[str] = []
    try:
        gone += [one for one in user_ids if not one or await has_left(client, one)]
        names = await user_group_names(client, team_id) if group_ids else {}
        gone += [group_id for group_id in group_ids if group_id not in names]
    except SLACK_ERRORS as error:
        logger.info("unknown whether all people to mention are there: %s", error_name(error))
    return gone


USER_GROUPS_TTL_SECONDS = 60.0
"""Short enough to find a new user group; typing in a select sends several requests."""

MAX_CACHED_TEAMS = 100

EXPECTED_PROBLEMS = {"missing_scope", "plan_upgrade_required"}


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
        """The user groups, as in `user_group_names`; Slack's error is in `problem`."""
        team_id = self._request.caller.team_id
        found = self._cache.get(team_id)
        if found is None:
            try:
                found = FoundUserGroups(await user_group_names(self._request.client, team_id))
            except SLACK_ERRORS as error:
                found = FoundUserGroups(problem=error_name(error))
                if found.problem not in EXPECTED_PROBLEMS:
                    logger.warning("the user groups could not be read: %s", found.problem)
            self._cache[team_id] = found
        return found


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
