"""Sends the content of the message field: a command to the app, or a message."""

from __future__ import annotations

import re

import httpx

from sandbox.slack import user_actions
from sandbox.slack.actor import Actor
from sandbox.slack.directory import SLACKBOT_ID
from sandbox.slack.workspace import COMMANDS

_LINK = re.compile(r"https?://[^\s<>|]*[^\s<>|.,;:!?'\")\]]")


async def send(
    http: httpx.AsyncClient, actor: Actor, typed: str, thread_ts: str
) -> user_actions.ActionResult:
    """A command, or a message to all in the channel; in a thread where `thread_ts` is one."""
    name = typed.partition(" ")[0]
    if not name.startswith("/"):
        return await user_actions.write(http, actor, text=_as_slack(typed), thread_ts=thread_ts)
    if name in COMMANDS and not thread_ts:
        return await user_actions.command(http, actor, typed)
    messages, where = actor.workspace.messages, actor.channel.id
    text = _refusal(name)
    messages.add(where, text, [], user_id=SLACKBOT_ID, only_for=actor.user.id, thread_ts=thread_ts)
    return user_actions.ActionResult()


def _refusal(name: str) -> str:
    if name in COMMANDS:
        return f"`{name}` is not supported in threads. Sorry!"
    known = ", ".join(f"`{command}`" for command in sorted(COMMANDS))
    return f"`{name}` is not a valid command. This workspace has {known}."


def _as_slack(typed: str) -> str:
    """Three letters escaped and links marked, as Slack keeps what people write."""
    escaped = typed.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _LINK.sub(lambda link: f"<{link[0]}>", escaped)
