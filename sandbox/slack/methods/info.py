"""auth.test, bots.info, users.info, usergroups.list and conversations.info."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.slack.arguments import Arguments, required
from sandbox.slack.directory import (
    APP_ID,
    BOT_ID,
    BOT_NAME,
    BOT_USER_ID,
    TEAM_DOMAIN,
    TEAM_ID,
    TEAM_NAME,
    Channel,
)
from sandbox.slack.errors import ApiError, NotFound
from sandbox.slack.workspace import Workspace


def auth_test(_: Workspace, __: Arguments) -> dict[str, Any]:
    return {
        "url": f"https://{TEAM_DOMAIN}.slack.com/",
        "team": TEAM_NAME,
        "user": BOT_NAME,
        "team_id": TEAM_ID,
        "user_id": BOT_USER_ID,
        "bot_id": BOT_ID,
        "is_enterprise_install": False,
    }


def bots_info(_: Workspace, given: Arguments) -> dict[str, Any]:
    """Raises `ApiError`: bot_not_found."""
    if required(given, "bot") != BOT_ID:
        raise ApiError("bot_not_found")
    shown = {"id": BOT_ID, "deleted": False, "name": BOT_NAME, "app_id": APP_ID}
    return {"bot": shown | {"user_id": BOT_USER_ID}}


def users_info(workspace: Workspace, given: Arguments) -> dict[str, Any]:
    """Raises `ApiError`: user_not_found."""
    user = workspace.directory.users.get(required(given, "user"))
    if user is None:
        raise ApiError("user_not_found")
    here = datetime.fromtimestamp(workspace.clock(), ZoneInfo(user.tz))
    offset = here.utcoffset()
    return {
        "user": {
            "id": user.id,
            "team_id": TEAM_ID,
            "name": user.name,
            "real_name": user.real_name,
            "deleted": user.is_deactivated,
            "tz": user.tz,
            "tz_label": here.tzname(),
            "tz_offset": int(offset.total_seconds()) if offset else 0,
            "profile": {"real_name": user.real_name, "display_name": user.name},
            "is_admin": user.is_admin,
            "is_owner": user.is_owner,
            "is_primary_owner": user.is_primary_owner,
            "is_bot": False,
        }
    }


def usergroups_list(workspace: Workspace, given: Arguments) -> dict[str, Any]:
    """Return the user groups; disabled ones only with `include_disabled`.

    Slack ignores `team_id`, because the token is that of a workspace
    (https://docs.slack.dev/reference/methods/usergroups.list).
    """
    groups = workspace.directory.user_groups.values()
    return {
        "usergroups": [
            {
                "id": group.id,
                "team_id": TEAM_ID,
                "is_usergroup": True,
                "name": group.name,
                "description": "",
                "handle": group.handle,
                "is_external": False,
                "date_delete": 1 if group.is_disabled else 0,
                "auto_type": None,
                "user_count": len(group.members),
            }
            for group in groups
            if not group.is_disabled or given.get("include_disabled") in (True, "true", "1")
        ]
    }


def conversations_info(workspace: Workspace, given: Arguments) -> dict[str, Any]:
    """Raises `ApiError`: channel_not_found, also for a private channel without the bot."""
    try:
        channel = workspace.directory.channel(required(given, "channel"))
    except NotFound as problem:
        raise ApiError("channel_not_found") from problem
    if channel.is_private and BOT_USER_ID not in channel.members:
        raise ApiError("channel_not_found")
    return {"channel": shown(channel)}


def shown(channel: Channel) -> dict[str, Any]:
    """Return a channel as Slack shows it to the app."""
    named = {} if channel.is_im else {"name": channel.name, "name_normalized": channel.name}
    return {
        "id": channel.id,
        "is_channel": not channel.is_im,
        "is_im": channel.is_im,
        "is_private": channel.is_private,
        "is_archived": channel.is_archived,
        "is_shared": channel.is_ext_shared,
        "is_ext_shared": channel.is_ext_shared,
        "is_pending_ext_shared": False,
        "is_member": BOT_USER_ID in channel.members,
        "context_team_id": TEAM_ID,
    } | named
