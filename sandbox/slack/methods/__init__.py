"""The implemented methods of Slack's Web API, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.slack.arguments import Arguments
from sandbox.slack.methods import chat, conversations, files, history, info, views
from sandbox.slack.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Method:
    """A method; `run` returns the response except `ok`, or raises `ApiError`. `scope` may be empty.

    `is_read` marks methods that neither write nor show anything; they are not recorded.
    """

    run: Callable[[Workspace, Arguments], dict[str, Any]]
    scope: str = ""
    is_read: bool = False


METHODS: Mapping[str, Method] = {
    "auth.test": Method(info.auth_test, is_read=True),
    "bots.info": Method(info.bots_info, "users:read", is_read=True),
    "users.info": Method(info.users_info, "users:read", is_read=True),
    "usergroups.list": Method(info.usergroups_list, "usergroups:read", is_read=True),
    "conversations.info": Method(info.conversations_info, "channels:read", is_read=True),
    "conversations.history": Method(history.history, is_read=True),
    "conversations.join": Method(conversations.join, "channels:join", is_read=True),
    "conversations.list": Method(conversations.list_all, "channels:read", is_read=True),
    "conversations.replies": Method(history.replies, is_read=True),
    "conversations.members": Method(conversations.members, "channels:read", is_read=True),
    "conversations.open": Method(conversations.open_direct, "im:write", is_read=True),
    "files.getUploadURLExternal": Method(files.get_upload_url, "files:write", is_read=True),
    "files.completeUploadExternal": Method(files.complete_upload, "files:write"),
    "chat.postMessage": Method(chat.post_message, "chat:write"),
    "chat.postEphemeral": Method(chat.post_ephemeral, "chat:write"),
    "chat.update": Method(chat.update, "chat:write"),
    "chat.delete": Method(chat.delete, "chat:write"),
    "views.open": Method(views.open_view),
    "views.push": Method(views.push_view),
    "views.update": Method(views.update_view),
    "views.publish": Method(views.publish_view),
}
