"""conversations.…: open, join, members and list."""

from __future__ import annotations

from typing import Any

from sandbox.slack.arguments import Arguments, optional, required
from sandbox.slack.directory import BOT_USER_ID, Channel
from sandbox.slack.errors import ApiError, NotFound
from sandbox.slack.methods.info import shown
from sandbox.slack.pagination import paged
from sandbox.slack.values import kind_of
from sandbox.slack.workspace import Workspace

KINDS = {"public": "public_channel", "private": "private_channel", "im": "im"}


def open_direct(workspace: Workspace, given: Arguments) -> dict[str, Any]:
    """Open a direct message. Raises `ApiError`: user_not_found, also for several users."""
    user = workspace.directory.users.get(required(given, "users"))
    if user is None:
        raise ApiError("user_not_found")
    return {"channel": {"id": workspace.directory.direct(user).id}}


def join(workspace: Workspace, given: Arguments) -> dict[str, Any]:
    """Join a channel.

    Raises `ApiError`: channel_not_found, also for private channels; is_archived;
    method_not_supported_for_channel_type for direct messages.
    """
    channel = found(workspace, given)
    if channel.is_im:
        raise ApiError("method_not_supported_for_channel_type")
    if channel.is_private and BOT_USER_ID not in channel.members:
        raise ApiError("channel_not_found")
    if channel.is_archived:
        raise ApiError("is_archived")
    workspace.directory.admit(channel.id, BOT_USER_ID)
    return {"channel": shown(workspace.directory.channel(channel.id))}


def members(workspace: Workspace, given: Arguments) -> dict[str, Any]:
    """List the ids of a channel's members, at most 1000 a page.

    Raises `ApiError`: channel_not_found, also for private channels without the bot; invalid_limit.
    """
    channel = found(workspace, given)
    if channel.is_private and BOT_USER_ID not in channel.members:
        raise ApiError("channel_not_found")
    return paged("members", sorted(channel.members), given)


def list_all(workspace: Workspace, given: Arguments) -> dict[str, Any]:
    """List the channels that the bot can see. `types` defaults to public channels.

    Raises `ApiError`: invalid_types.
    """
    types = set((optional(given, "types") or "public_channel").split(","))
    if not types <= {"public_channel", "private_channel", "mpim", "im"}:
        raise ApiError("invalid_types")
    there = [
        shown(channel)
        for channel in workspace.directory.channels.values()
        if KINDS[kind_of(channel)] in types
        and not (channel.is_archived and given.get("exclude_archived") in (True, "true", "1"))
        and (kind_of(channel) == "public" or BOT_USER_ID in channel.members)
    ]
    return paged("channels", there, given)


def found(workspace: Workspace, given: Arguments) -> Channel:
    """Find a channel. Raises `ApiError`: channel_not_found."""
    try:
        return workspace.directory.channel(required(given, "channel"))
    except NotFound as problem:
        raise ApiError("channel_not_found") from problem
