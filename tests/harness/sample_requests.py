"""Requests like the samples in Slack's documentation, with the stand-in's users.

Slack: "Enabling interactivity with slash commands", and the reference of interaction payloads:
block_actions, message_action, shortcut, block_suggestion, view_submission, view_closed; and of the
event app_home_opened.
"""

from __future__ import annotations

from typing import Any

from sandbox.slack.directory import ADA, APP_ID, TEAM_ID

ENTERPRISE_ID = "E0001"
TOKEN = "gIkuvaNzQIHg97ATvDxqgjtO"
TRIGGER_ID = "13345224609.738474920.8088930838d88f008e0"


def command(text: str, response_url: str = "") -> dict[str, str]:
    """A slash command in an organization of Enterprise Grid."""
    return {
        "token": TOKEN,
        "team_id": TEAM_ID,
        "team_domain": "example",
        "enterprise_id": ENTERPRISE_ID,
        "enterprise_name": "Globular Construct Inc",
        "is_enterprise_install": "true",
        "channel_id": "C0GENERAL",
        "channel_name": "general",
        "user_id": ADA.id,
        "user_name": "ada",
        "command": "/emporix",
        "text": text,
        "response_url": response_url,
        "trigger_id": TRIGGER_ID,
        "api_app_id": APP_ID,
    }


def block_actions(action_id: str, value: str, response_url: str) -> dict[str, Any]:
    """A button in a message of a channel."""
    message = {
        "bot_id": "B0BOT",
        "type": "message",
        "text": "This content can't be displayed.",
        "user": "U0BOT",
        "ts": "1548261231.000200",
        "blocks": [],
    }
    return {
        "type": "block_actions",
        "team": {"id": TEAM_ID, "domain": "example"},
        "user": {"id": ADA.id, "username": "ada", "name": "ada", "team_id": TEAM_ID},
        "api_app_id": APP_ID,
        "token": TOKEN,
        "container": {
            "type": "message",
            "message_ts": "1548261231.000200",
            "channel_id": "C0GENERAL",
            "is_ephemeral": False,
        },
        "trigger_id": TRIGGER_ID,
        "channel": {"id": "C0GENERAL", "name": "general"},
        "message": message,
        "enterprise": None,
        "is_enterprise_install": False,
        "state": {"values": {}},
        "response_url": response_url,
        "actions": [_pressed(action_id, value)],
    }


def home_action(action_id: str, value: str, view_id: str) -> dict[str, Any]:
    """A button in the Home tab, with neither a channel nor a response_url."""
    payload = block_actions(action_id, value, "")
    for name in ("channel", "message", "response_url"):
        del payload[name]
    container = {"type": "view", "view_id": view_id}
    view: dict[str, Any] = {
        "id": view_id,
        "type": "home",
        "callback_id": "",
        "state": {"values": {}},
        "blocks": [],
    }
    return payload | {"container": container, "view": view}


def app_home_opened(tab: str = "home", view: dict[str, Any] | None = None) -> dict[str, Any]:
    """A user of an organization opened a tab of the app."""
    event: dict[str, Any] = {
        "type": "app_home_opened",
        "user": ADA.id,
        "channel": "D0LAN2Q65",
        "event_ts": "1515449522000016",
        "tab": tab,
    }
    authorized = {
        "enterprise_id": ENTERPRISE_ID,
        "team_id": TEAM_ID,
        "user_id": "U0BOT",
        "is_bot": True,
        "is_enterprise_install": False,
    }
    return {
        "token": TOKEN,
        "team_id": TEAM_ID,
        "api_app_id": APP_ID,
        "event": event | ({"view": view} if view else {}),
        "type": "event_callback",
        "event_id": "Ev08MFMKH6",
        "event_time": 1515449522,
        "authorizations": [authorized],
        "is_ext_shared_channel": False,
        "event_context": "4-eyJldCI6ImFwcF9ob21lX29wZW5lZCJ9",
    }


def message_action(callback_id: str, response_url: str, text: str = "") -> dict[str, Any]:
    """A shortcut of a message written by a user."""
    return {
        "type": "message_action",
        "token": TOKEN,
        "action_ts": "1583637157.207593",
        "team": {"id": TEAM_ID, "domain": "example"},
        "user": {"id": ADA.id, "username": "ada", "team_id": TEAM_ID, "name": "ada"},
        "channel": {"id": "C0GENERAL", "name": "general"},
        "is_enterprise_install": False,
        "enterprise": None,
        "callback_id": callback_id,
        "trigger_id": TRIGGER_ID,
        "response_url": response_url,
        "message_ts": "1583636382.000300",
        "message": {
            "client_msg_id": "zzzz",
            "type": "message",
            "text": text,
            "user": "W222",
            "ts": "1583636382.000300",
            "team": TEAM_ID,
            "blocks": [],
        },
    }


def shortcut(callback_id: str) -> dict[str, Any]:
    """A global shortcut."""
    return {
        "type": "shortcut",
        "token": TOKEN,
        "action_ts": "1581106241.371594",
        "team": {"id": TEAM_ID, "domain": "example"},
        "user": {"id": ADA.id, "username": "ada", "team_id": TEAM_ID},
        "is_enterprise_install": False,
        "enterprise": None,
        "callback_id": callback_id,
        "trigger_id": TRIGGER_ID,
    }


def block_suggestion(action_id: str, typed: str) -> dict[str, Any]:
    """Text typed into an external select of a modal."""
    view = view_submission("", {})["view"]
    return {
        "type": "block_suggestion",
        "user": {"id": ADA.id, "username": "ada", "name": "ada", "team_id": TEAM_ID},
        "container": {"type": "view", "view_id": view["id"]},
        "api_app_id": APP_ID,
        "token": TOKEN,
        "action_id": action_id,
        "block_id": "agent",
        "value": typed,
        "team": {"id": TEAM_ID, "domain": "example"},
        "enterprise": None,
        "is_enterprise_install": False,
        "view": view,
    }


def view_submission(callback_id: str, values: dict[str, str | None]) -> dict[str, Any]:
    """A submitted modal. Empty fields have the value null."""
    filled = {
        block: {"value": {"type": "plain_text_input", "value": text}}
        for block, text in values.items()
    }
    view: dict[str, Any] = {
        "id": "VNHU13V36",
        "team_id": TEAM_ID,
        "type": "modal",
        "title": {"type": "plain_text", "text": "Modal title", "emoji": True},
        "submit": {"type": "plain_text", "text": "Submit", "emoji": True},
        "close": None,
        "blocks": [],
        "private_metadata": "",
        "callback_id": callback_id,
        "state": {"values": filled},
        "hash": "156663117.cd33ad1f",
        "clear_on_close": False,
        "notify_on_close": False,
        "previous_view_id": None,
        "root_view_id": "VNHU13V36",
        "app_id": APP_ID,
        "external_id": "",
        "app_installed_team_id": TEAM_ID,
        "bot_id": "B0BOT",
    }
    return {
        "type": "view_submission",
        "team": {"id": TEAM_ID, "domain": "example"},
        "user": {"id": ADA.id, "username": "ada", "name": "ada", "team_id": TEAM_ID},
        "api_app_id": APP_ID,
        "token": TOKEN,
        "trigger_id": TRIGGER_ID,
        "view": view,
        "response_urls": [],
        "is_enterprise_install": False,
        "enterprise": None,
    }


def view_closed(callback_id: str) -> dict[str, Any]:
    """A modal that was closed without being submitted: there is no trigger."""
    payload = view_submission(callback_id, {}) | {"type": "view_closed", "is_cleared": False}
    del payload["trigger_id"], payload["response_urls"]
    return payload


def _pressed(action_id: str, value: str) -> dict[str, Any]:
    return {
        "action_id": action_id,
        "block_id": "=qXel",
        "text": {"type": "plain_text", "text": "View", "emoji": True},
        "value": value,
        "type": "button",
        "action_ts": "1548426417.840180",
    }
