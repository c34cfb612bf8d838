"""The tabs of the app: what it is told when somebody opens its Home, or the messages there."""

from __future__ import annotations

from secrets import token_hex
from typing import Any

import httpx

from sandbox.slack.actor import VERIFICATION_TOKEN, Actor
from sandbox.slack.acts import Done
from sandbox.slack.delivery import deliver_event
from sandbox.slack.directory import APP_ID, BOT_USER_ID, TEAM_ID
from sandbox.slack.refusal import Unknown

OPENED = "app_home_opened"
TABS = ("home", "messages")


async def open_tab(http: httpx.AsyncClient, actor: Actor, *, tab: str = "home") -> Done:
    """Open a tab of the app; nothing is sent where the app has not subscribed to that.

    Raises Unknown for a tab that there is not.
    """
    there = TABS if actor.workspace.has_home_tab else TABS[1:]
    if tab not in there:
        raise Unknown(f"no tab {tab!r}; there are: {', '.join(there)}")
    if OPENED not in actor.workspace.events:
        return Done()
    return Done(await deliver_event(http, actor.workspace, app_home_opened(actor, tab)))


def app_home_opened(actor: Actor, tab: str) -> dict[str, Any]:
    """Slack: the Home carries the view that is there, and none before the first was published."""
    workspace = actor.workspace
    now, view = workspace.clock(), workspace.views.home(actor.user.id)
    event = {
        "type": OPENED,
        "user": actor.user.id,
        "channel": workspace.directory.direct(actor.user).id,
        "event_ts": f"{now:.6f}",
        "tab": tab,
    }
    shown = {"view": view.as_json()} if view and tab == "home" else {}
    return {
        "token": VERIFICATION_TOKEN,
        "team_id": TEAM_ID,
        "context_team_id": TEAM_ID,
        "context_enterprise_id": None,
        "api_app_id": APP_ID,
        "event": event | shown,
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
