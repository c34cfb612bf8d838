"""files.…: the three steps of an upload, without the middle one."""

from __future__ import annotations

import re
from typing import Any

from sandbox.slack.arguments import Arguments, optional, required
from sandbox.slack.directory import BOT_USER_ID
from sandbox.slack.files import File
from sandbox.slack.refusal import Refused, Unknown
from sandbox.slack.workspace import Workspace

_CONVERSATION = re.compile(r"[CDG][A-Z0-9]+")


def get_upload_url(workspace: Workspace, given: Arguments) -> dict[str, Any]:
    """Refused: invalid_arguments, for a length that is no number above 0."""
    name, length = required(given, "filename"), str(given.get("length", ""))
    if not length.isdecimal() or not int(length):
        raise Refused("invalid_arguments", ["must provide an integer [json-pointer:/length]"])
    file = workspace.files.announce(name, int(length))
    return {"file_id": file.id, "upload_url": f"{workspace.slack_url}{file.path}"}


def complete_upload(workspace: Workspace, given: Arguments) -> dict[str, Any]:
    """Refused: invalid_arguments, also for a user's id as `channel_id` (slackapi/bolt-js#2115);
    channel_not_found, not_in_channel, file_not_found."""
    wanted = given.get("files")
    if not isinstance(wanted, list) or not all(isinstance(one, dict) for one in wanted):
        raise Refused("invalid_arguments", ["missing required field: files"])
    channel_id = _conversation(workspace, optional(given, "channel_id"))
    shared = [_shared(workspace, one, channel_id) for one in wanted]
    return {"files": [file.as_slack() for file in shared]}


def _shared(workspace: Workspace, one: dict[str, Any], channel_id: str) -> File:
    return workspace.files.share(required(one, "id"), optional(one, "title"), channel_id)


def _conversation(workspace: Workspace, channel_id: str) -> str:
    """Empty stays empty: such a file is private."""
    if not channel_id:
        return ""
    if not _CONVERSATION.fullmatch(channel_id):
        raise Refused("invalid_arguments", ["input must match regex pattern: ^[CGDZ][A-Z0-9]{8,}$"])
    try:
        channel = workspace.directory.channel(channel_id)
    except Unknown as problem:
        raise Refused("channel_not_found") from problem
    if BOT_USER_ID not in channel.members:
        raise Refused("not_in_channel")
    return channel.id
