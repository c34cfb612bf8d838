"""The tabs of the app's Home, and the app_home_opened event."""

from __future__ import annotations

from typing import Any

import httpx

from sandbox.slack.actor import Actor
from sandbox.slack.errors import NotFound
from sandbox.slack.events import send
from sandbox.slack.user_actions import ActionResult

APP_HOME_OPENED = "app_home_opened"
TABS = ("home", "messages")


async def open_tab(http: httpx.AsyncClient, actor: Actor, *, tab: str = "home") -> ActionResult:
    """Open a tab of the app. No event is sent if the app has not subscribed to it.

    Raises `NotFound` for an unknown tab.
    """
    there = TABS if actor.workspace.has_home_tab else TABS[1:]
    if tab not in there:
        raise NotFound(f"no tab {tab!r}; there are: {', '.join(there)}")
    return await send(http, actor.workspace, app_home_opened(actor, tab))


def app_home_opened(actor: Actor, tab: str) -> dict[str, Any]:
    """Slack: the event contains the current Home view; there is none before the first publish."""
    workspace = actor.workspace
    view = workspace.views.home(actor.user.id)
    event = {
        "type": APP_HOME_OPENED,
        "user": actor.user.id,
        "channel": workspace.directory.direct(actor.user).id,
        "tab": tab,
    }
    shown = {"view": view.as_json()} if view and tab == "home" else {}
    return event | shown
