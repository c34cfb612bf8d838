"""Payloads of commands and interactions, with the fields that Slack documents."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from sandbox.slack.actor import VERIFICATION_TOKEN, Actor
from sandbox.slack.blockkit.walk import elements
from sandbox.slack.directory import APP_ID, TEAM_DOMAIN, TEAM_ID
from sandbox.slack.interactive_elements import SettableElement
from sandbox.slack.messages import Message
from sandbox.slack.views import View

Form = Mapping[str, str]


def command(actor: Actor, name: str, text: str) -> Form:
    """A slash command; `name` includes the slash. Slack escapes three characters of the text."""
    return {
        "token": VERIFICATION_TOKEN,
        "team_id": TEAM_ID,
        "team_domain": TEAM_DOMAIN,
        "channel_id": actor.channel.id,
        "channel_name": actor.channel.name,
        "user_id": actor.user.id,
        "user_name": actor.user.name,
        "command": name,
        "text": text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"),
        "api_app_id": APP_ID,
        "is_enterprise_install": "false",
        "response_url": actor.response_url(),
        "trigger_id": actor.trigger_id(),
    }


def block_action_in_message(actor: Actor, message: Message, action: Mapping[str, Any]) -> Form:
    """A click in a message. Slack: payloads for ephemeral messages have no `message`."""
    return _payload(
        {"type": "block_actions", **actor.introduction(), **_in_message(actor, message)}
        | {
            "state": {"values": actor.workspace.selections.of(actor.user.id, message)},
            "response_url": actor.response_url(message.ts),
            "actions": [action],
        }
    )


def block_action_in_view(actor: Actor, view: View, action: Mapping[str, Any]) -> Form:
    introduction = {"type": "block_actions", **actor.introduction(view.id)}
    return _payload({**introduction, **_in_view(view), "actions": [action]})


def message_shortcut(actor: Actor, callback_id: str, message: Message, now: str) -> Form:
    """A shortcut of a message, with the message as everyone sees it and a response_url."""
    return _payload(
        {"type": "message_action", **actor.introduction(), "callback_id": callback_id}
        | {
            "action_ts": now,
            "message_ts": message.ts,
            "channel": {"id": actor.channel.id, "name": actor.channel.name},
            "message": message.as_slack(),
            "response_url": actor.response_url(of_shortcut=True),
        }
    )


def global_shortcut(actor: Actor, callback_id: str, now: str) -> Form:
    """A global shortcut, with neither a channel nor a response_url."""
    introduction = {"type": "shortcut", **actor.introduction()}
    return _payload({**introduction, "callback_id": callback_id, "action_ts": now})


def block_suggestion(
    actor: Actor, place: View | Message, select: SettableElement, typed: str
) -> Form:
    """Requests the options of an external select. There is no trigger_id or response_url."""
    introduction = {"type": "block_suggestion", **actor.introduction()}
    del introduction["trigger_id"]
    where = _in_view(place) if isinstance(place, View) else _in_message(actor, place)
    asked = {"block_id": select.block_id, "action_id": select.element["action_id"]}
    return _payload({**introduction, **where, **asked, "value": typed})


def view_submission(actor: Actor, view: View) -> Form:
    introduction = {"type": "view_submission", **actor.introduction(view.id)}
    urls = list(_response_urls(actor, view))
    return _payload({**introduction, "view": view.as_json(), "response_urls": urls})


def view_closed(actor: Actor, view: View, *, is_cleared: bool) -> Form:
    """A closed view; `is_cleared` means that the whole stack was closed."""
    introduction = {"type": "view_closed", **actor.introduction(view.id)}
    del introduction["trigger_id"]
    return _payload({**introduction, "view": view.as_json(), "is_cleared": is_cleared})


def _in_message(actor: Actor, message: Message) -> dict[str, Any]:
    container = {
        "type": "message",
        "message_ts": message.ts,
        "channel_id": message.channel_id,
        "is_ephemeral": bool(message.only_for),
    }
    channel = {"id": actor.channel.id, "name": actor.channel.name}
    shown = {} if message.only_for else {"message": message.as_slack()}
    return {"container": container, "channel": channel, **shown}


def _in_view(view: View) -> dict[str, Any]:
    return {"container": {"type": "view", "view_id": view.id}, "view": view.as_json()}


def _response_urls(actor: Actor, view: View) -> Iterator[dict[str, Any]]:
    """One for each selected conversation whose select requests it."""
    for block in view.content["blocks"]:
        for element in elements(block):
            value = view.state.get(block["block_id"], {}).get(element["action_id"], {})
            chosen = value.get("selected_conversation") or value.get("selected_channel")
            if element.get("response_url_enabled") and chosen:
                where = {"block_id": block["block_id"], "action_id": element["action_id"]}
                url = actor.slack_url + actor.workspace.response_urls.new(actor.user.id, chosen)
                yield {**where, "channel_id": chosen, "response_url": url}


def _payload(payload: Mapping[str, Any]) -> Form:
    return {"payload": json.dumps(payload)}
