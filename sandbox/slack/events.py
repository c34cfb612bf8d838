"""Changes of channels and users, and the events that Slack sends about them."""

from __future__ import annotations

from collections.abc import Mapping
from secrets import token_hex
from typing import Any

import httpx

from sandbox.slack.actor import VERIFICATION_TOKEN, Actor
from sandbox.slack.delivery import deliver_event
from sandbox.slack.directory import APP_ID, BOT_USER_ID, TEAM_ID
from sandbox.slack.user_actions import ActionResult
from sandbox.slack.workspace import Workspace

OTHER_TEAM_ID = "T0PARTNER"
"""The other organization of a shared channel."""


async def share(http: httpx.AsyncClient, actor: Actor) -> ActionResult:
    """The channel is shared with another organization (Slack Connect)."""
    channel_id = actor.channel.id
    actor.workspace.directory.share(channel_id)
    more = {"connected_team_id": OTHER_TEAM_ID, "channel": channel_id}
    return await send(http, actor.workspace, {"type": "channel_shared", **more})


async def unshare(http: httpx.AsyncClient, actor: Actor) -> ActionResult:
    """The other organization leaves the channel."""
    channel_id = actor.channel.id
    actor.workspace.directory.unshare(channel_id)
    more = {"previously_connected_team_id": OTHER_TEAM_ID, "channel": channel_id}
    event = {"type": "channel_unshared", **more, "is_ext_shared": False}
    return await send(http, actor.workspace, event)


async def remove_app(http: httpx.AsyncClient, actor: Actor) -> ActionResult:
    """A person removes the app from the channel."""
    channel = actor.channel
    actor.workspace.directory.remove(channel.id, BOT_USER_ID)
    left = "group_left" if channel.is_private else "channel_left"
    event = {"type": left, "channel": channel.id, "actor_id": actor.user.id}
    return await send(http, actor.workspace, event)


async def archive(http: httpx.AsyncClient, actor: Actor) -> ActionResult:
    """A person archives the channel."""
    channel = actor.channel
    actor.workspace.directory.archive(channel.id)
    kind = "group_archive" if channel.is_private else "channel_archive"
    event = {"type": kind, "channel": channel.id, "user": actor.user.id}
    return await send(http, actor.workspace, event)


async def delete(http: httpx.AsyncClient, actor: Actor) -> ActionResult:
    """An administrator deletes the channel."""
    channel = actor.channel
    actor.workspace.directory.delete(channel.id)
    kind = "group_deleted" if channel.is_private else "channel_deleted"
    event = {"type": kind, "channel": channel.id, "actor_id": actor.user.id}
    return await send(http, actor.workspace, event)


async def change_status(http: httpx.AsyncClient, actor: Actor) -> ActionResult:
    """The user changes their profile."""
    return await send(http, actor.workspace, _user_change(actor))


async def deactivate(http: httpx.AsyncClient, actor: Actor) -> ActionResult:
    """An administrator deactivates the person's account."""
    actor.workspace.directory.deactivate(actor.user.id)
    return await send(http, actor.workspace, _user_change(actor))


async def revoke(http: httpx.AsyncClient, actor: Actor) -> ActionResult:
    """The bot token of the app is revoked."""
    actor.workspace.is_token_revoked = True
    event = {"type": "tokens_revoked", "tokens": {"oauth": [], "bot": [BOT_USER_ID]}}
    return await send(http, actor.workspace, event)


async def uninstall(http: httpx.AsyncClient, actor: Actor) -> ActionResult:
    """The app is uninstalled; Slack may send the two events in any order."""
    actor.workspace.is_token_revoked = True
    done = await send(http, actor.workspace, {"type": "app_uninstalled"})
    await revoke(http, actor)
    return done


async def install(_: httpx.AsyncClient, actor: Actor) -> ActionResult:
    """The app is installed again, and its token works."""
    actor.workspace.is_token_revoked = False
    return ActionResult()


def _user_change(actor: Actor) -> dict[str, Any]:
    user = actor.workspace.directory.users[actor.user.id]
    facts = {"id": user.id, "team_id": TEAM_ID, "name": user.name, "deleted": user.is_deactivated}
    return {"type": "user_change", "user": facts}


async def send(
    http: httpx.AsyncClient, workspace: Workspace, event: Mapping[str, Any]
) -> ActionResult:
    """Send an event, unless the app has not subscribed to it."""
    if event["type"] not in workspace.events:
        return ActionResult()
    return ActionResult(await deliver_event(http, workspace, envelope(workspace, event)))


def envelope(workspace: Workspace, event: Mapping[str, Any]) -> dict[str, Any]:
    """Wrap an event as the Events API does."""
    now = workspace.clock()
    return {
        "token": VERIFICATION_TOKEN,
        "team_id": TEAM_ID,
        "context_team_id": TEAM_ID,
        "context_enterprise_id": None,
        "api_app_id": APP_ID,
        "event": {"event_ts": f"{now:.6f}", **event},
        "type": "event_callback",
        "event_id": f"Ev0{token_hex(5).upper()}",
        "event_time": int(now),
        "authorizations": [
            {
                "enterprise_id": None,
                "team_id": TEAM_ID,
                "user_id": BOT_USER_ID,
                "is_bot": True,
                "is_enterprise_install": False,
            }
        ],
        "is_ext_shared_channel": False,
        "event_context": f"4-{token_hex(16)}",
    }
