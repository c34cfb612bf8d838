"""Sends the content of the message field, as a command or as a message."""

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
    """Run a command or post a message, in the thread `thread_ts` if given."""
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
    """Escape the three characters and mark the links, as Slack does in stored messages."""
    escaped = typed.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _LINK.sub(lambda link: f"<{link[0]}>", escaped)
