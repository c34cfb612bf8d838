"""conversations.history and conversations.replies: messages of a channel or a thread."""

from __future__ import annotations

from typing import Any

from sandbox.slack.arguments import Arguments, optional, required
from sandbox.slack.directory import BOT_USER_ID, Channel
from sandbox.slack.errors import ApiError
from sandbox.slack.messages import Message
from sandbox.slack.methods.conversations import found
from sandbox.slack.pagination import paged
from sandbox.slack.scopes import need
from sandbox.slack.workspace import Workspace


def history(workspace: Workspace, given: Arguments) -> dict[str, Any]:
    """Return messages newest first, without replies in threads.

    Raises `ApiError`: channel_not_found, not_in_channel, missing_scope, and the errors of `paged`.
    """
    channel = _read(workspace, given)
    there = [one for one in workspace.messages.of_channel(channel.id) if not one.thread_ts]
    return paged(
        "messages", [_shown(workspace, one, given) for one in _within(there, given)[::-1]], given
    )


def replies(workspace: Workspace, given: Arguments) -> dict[str, Any]:
    """Return a thread oldest first, starting with its parent message.

    Raises `ApiError`: as `history`, and thread_not_found.
    """
    channel, ts = _read(workspace, given), required(given, "ts")
    if workspace.messages.find(channel.id, ts) is None:
        raise ApiError("thread_not_found")
    there = workspace.messages.of_channel(channel.id)
    thread = [one for one in there if ts in (one.ts, one.thread_ts)]
    return paged(
        "messages", [_shown(workspace, one, given) for one in _within(thread, given)], given
    )


def _read(workspace: Workspace, given: Arguments) -> Channel:
    channel = found(workspace, given)
    is_member = BOT_USER_ID in channel.members
    if channel.is_private and not is_member:
        raise ApiError("channel_not_found")
    if channel.is_im:
        need(workspace, "im:history")
    else:
        need(workspace, "groups:history" if channel.is_private else "channels:history")
    if not is_member:
        raise ApiError("not_in_channel")
    return channel


def _within(messages: list[Message], given: Arguments) -> list[Message]:
    """Return the messages from `oldest` to `latest`; the ends only with `inclusive`."""
    oldest, latest = optional(given, "oldest"), optional(given, "latest")
    included = given.get("inclusive") in (True, "true", "1")
    kept = []
    for message in messages:
        after = not oldest or float(message.ts) > float(oldest)
        before = not latest or float(message.ts) < float(latest)
        if (after and before) or (included and message.ts in (oldest, latest)):
            kept.append(message)
    return kept


def _shown(workspace: Workspace, message: Message, given: Arguments) -> dict[str, Any]:
    """Slack: without include_all_metadata, only the type of the metadata is shown."""
    seen = message.as_slack()
    if not message.metadata or not workspace.shows_metadata:
        return seen
    if given.get("include_all_metadata") in (True, "true", "1"):
        return seen | {"metadata": dict(message.metadata)}
    return seen | {"metadata": {"event_type": message.metadata["event_type"]}}
