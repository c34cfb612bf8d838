"""chat.…: posting, changing and deleting messages."""

from __future__ import annotations

from typing import Any

from sandbox.slack.arguments import Arguments, optional, required
from sandbox.slack.directory import BOT_USER_ID, Channel
from sandbox.slack.errors import ApiError, NotFound
from sandbox.slack.message_content import content, metadata
from sandbox.slack.messages import Message
from sandbox.slack.workspace import Workspace


def post_message(workspace: Workspace, given: Arguments) -> dict[str, Any]:
    """Post a message.

    Raises `ApiError`: channel_not_found, not_in_channel, is_archived, invalid_metadata_format,
    metadata_too_large, and the errors of `content`; `RateLimited` for too many messages.
    """
    channel = _channel(workspace, given)
    said, described = content(given), metadata(given)
    workspace.post_limits.take(channel.id)
    message = workspace.messages.add(
        channel.id,
        said.text,
        said.blocks,
        thread_ts=optional(given, "thread_ts"),
        metadata=described,
    )
    return {"channel": channel.id, "ts": message.ts, "message": message.as_slack()}


def post_ephemeral(workspace: Workspace, given: Arguments) -> dict[str, Any]:
    """Post an ephemeral message. Raises `ApiError`: as `post_message`, and user_not_in_channel."""
    channel = _channel(workspace, given)
    user_id = required(given, "user")
    if user_id not in channel.members:
        raise ApiError("user_not_in_channel")
    said = content(given, "ephemeral")
    message = workspace.messages.add(
        channel.id,
        said.text,
        said.blocks,
        only_for=user_id,
        thread_ts=optional(given, "thread_ts"),
    )
    return {"message_ts": message.ts}


def update(workspace: Workspace, given: Arguments) -> dict[str, Any]:
    """Update a message. Omitted blocks stay; an empty list removes them.

    Raises `ApiError`: message_not_found (also for ephemeral messages), cant_update_message.
    """
    message = _message(workspace, given)
    if message.user_id != BOT_USER_ID:
        raise ApiError("cant_update_message")
    said = content(given)
    blocks = said.blocks if "blocks" in given else message.blocks
    changed = workspace.messages.replace(message, said.text, blocks)
    return {
        "channel": changed.channel_id,
        "ts": changed.ts,
        "text": changed.text,
        "message": changed.as_slack(),
    }


def delete(workspace: Workspace, given: Arguments) -> dict[str, Any]:
    """Delete a message. Raises `ApiError`: message_not_found, cant_delete_message."""
    message = _message(workspace, given)
    if message.user_id != BOT_USER_ID:
        raise ApiError("cant_delete_message")
    workspace.messages.delete(message)
    return {"channel": message.channel_id, "ts": message.ts}


def _channel(workspace: Workspace, given: Arguments) -> Channel:
    channel = _anywhere(workspace, required(given, "channel"))
    if BOT_USER_ID not in channel.members:
        raise ApiError("channel_not_found" if channel.is_private else "not_in_channel")
    if channel.is_archived:
        raise ApiError("is_archived")
    return channel


def _anywhere(workspace: Workspace, key: str) -> Channel:
    """Find a channel. A user's id means their direct message."""
    directory = workspace.directory
    try:
        return directory.direct(directory.users[key]) if key[:1] == "U" else directory.channel(key)
    except (KeyError, NotFound) as problem:
        raise ApiError("channel_not_found") from problem


def _message(workspace: Workspace, given: Arguments) -> Message:
    channel = _anywhere(workspace, required(given, "channel"))
    message = workspace.messages.find(channel.id, required(given, "ts"))
    if message is None or message.only_for:
        raise ApiError("message_not_found")
    return message
