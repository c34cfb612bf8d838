"""What Slack sends the app: the fields of commands and interactions, as Slack documents them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sandbox.slack.actor import VERIFICATION_TOKEN, Actor
from sandbox.slack.directory import APP_ID, TEAM_DOMAIN, TEAM_ID
from sandbox.slack.inputs import initial_state
from sandbox.slack.messages import Message
from sandbox.slack.views import View

Form = Mapping[str, str]


def command(actor: Actor, name: str, text: str) -> Form:
    """`name` with its slash."""
    return {
        "token": VERIFICATION_TOKEN,
        "team_id": TEAM_ID,
        "team_domain": TEAM_DOMAIN,
        "channel_id": actor.channel.id,
        "channel_name": actor.channel.name,
        "user_id": actor.user.id,
        "user_name": actor.user.name,
        "command": name,
        "text": text,
        "api_app_id": APP_ID,
        "is_enterprise_install": "false",
        "response_url": actor.response_url(),
        "trigger_id": actor.trigger_id(),
    }


def block_action_in_message(actor: Actor, message: Message, action: Mapping[str, Any]) -> Form:
    """An ephemeral message is not shown to the app again: such payloads have no `message`."""
    container = {
        "type": "message",
        "message_ts": message.ts,
        "channel_id": message.channel_id,
        "is_ephemeral": bool(message.only_for),
    }
    shown = {} if message.only_for else {"message": message.as_slack()}
    return _payload(
        {"type": "block_actions", **actor.introduction(), "container": container, **shown}
        | {
            "channel": {"id": actor.channel.id, "name": actor.channel.name},
            "state": {"values": initial_state(message.blocks)},
            "response_url": actor.response_url(message.ts),
            "actions": [action],
        }
    )


def block_action_in_view(actor: Actor, view: View, action: Mapping[str, Any]) -> Form:
    return _payload(
        {
            "type": "block_actions",
            **actor.introduction(view.id),
            "container": {"type": "view", "view_id": view.id},
            "view": view.as_json(),
            "actions": [action],
        }
    )


def view_submission(actor: Actor, view: View) -> Form:
    introduction = {"type": "view_submission", **actor.introduction(view.id)}
    return _payload({**introduction, "view": view.as_json(), "response_urls": []})


def view_closed(actor: Actor, view: View) -> Form:
    introduction = {"type": "view_closed", **actor.introduction(view.id)}
    del introduction["trigger_id"]
    is_cleared = bool(view.content.get("clear_on_close"))
    return _payload({**introduction, "view": view.as_json(), "is_cleared": is_cleared})


def _payload(payload: Mapping[str, Any]) -> Form:
    return {"payload": json.dumps(payload)}
