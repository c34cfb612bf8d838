"""files.…: the first and last step of an upload."""

from __future__ import annotations

import re
from typing import Any

from sandbox.slack.arguments import Arguments, optional, required
from sandbox.slack.directory import BOT_USER_ID
from sandbox.slack.errors import ApiError, NotFound
from sandbox.slack.files import File
from sandbox.slack.workspace import Workspace

_CONVERSATION = re.compile(r"[CDG][A-Z0-9]+")
_TS = re.compile(r"\d{10}\.\d{6}")

LONGEST_ALT_TEXT = 1000


def get_upload_url(workspace: Workspace, given: Arguments) -> dict[str, Any]:
    """Announce a file.

    Raises `ApiError`: invalid_arguments, if the length is not a positive number; alt_txt_too_large.
    """
    name, length = required(given, "filename"), str(given.get("length", ""))
    if not length.isdecimal() or not int(length):
        raise ApiError("invalid_arguments", ["must provide an integer [json-pointer:/length]"])
    alt_text = optional(given, "alt_txt")
    if len(alt_text) > LONGEST_ALT_TEXT:
        raise ApiError("alt_txt_too_large")
    file = workspace.files.announce(name, int(length), alt_text)
    return {"file_id": file.id, "upload_url": f"{workspace.slack_url}{file.path}"}


def complete_upload(workspace: Workspace, given: Arguments) -> dict[str, Any]:
    """Share an uploaded file.

    Raises `ApiError`: invalid_arguments, also if `channel_id` is a user id (slackapi/bolt-js#2115);
    channel_not_found, not_in_channel, is_archived, invalid_thread_ts, file_not_found. Slack:
    `thread_ts` must be a message that is not a reply, in the channel of the file.
    """
    wanted = given.get("files")
    if not isinstance(wanted, list) or not all(isinstance(one, dict) for one in wanted):
        raise ApiError("invalid_arguments", ["missing required field: files"])
    channel_id = _conversation(workspace, optional(given, "channel_id"))
    thread_ts = _thread(workspace, optional(given, "thread_ts"), channel_id)
    shared = [_shared(workspace, one, channel_id, thread_ts) for one in wanted]
    return {"files": [file.as_slack() for file in shared]}


def _shared(workspace: Workspace, one: dict[str, Any], channel_id: str, thread_ts: str) -> File:
    title = optional(one, "title")
    return workspace.files.share(required(one, "id"), title, channel_id, thread_ts)


def _thread(workspace: Workspace, thread_ts: str, channel_id: str) -> str:
    if not thread_ts:
        return ""
    parent = workspace.messages.find(channel_id, thread_ts)
    if not _TS.fullmatch(thread_ts) or parent is None or parent.thread_ts or parent.only_for:
        raise ApiError("invalid_thread_ts")
    return thread_ts


def _conversation(workspace: Workspace, channel_id: str) -> str:
    """Find the channel. Without one, the file stays private."""
    if not channel_id:
        return ""
    if not _CONVERSATION.fullmatch(channel_id):
        raise ApiError(
            "invalid_arguments", ["input must match regex pattern: ^[CGDZ][A-Z0-9]{8,}$"]
        )
    try:
        channel = workspace.directory.channel(channel_id)
    except NotFound as problem:
        raise ApiError("channel_not_found") from problem
    if BOT_USER_ID not in channel.members:
        raise ApiError("not_in_channel")
    if channel.is_archived:
        raise ApiError("is_archived")
    return channel.id
