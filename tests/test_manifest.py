"""manifest.yml is what Slack's "Create an app from a manifest" takes.

Slack: app manifest reference. Lengths are in characters.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from slack_sdk.web.async_client import AsyncWebClient

import bot.listeners
from bot.app import SLASH_COMMAND
from bot.doctor import SCOPES
from bot.slack.decorators import discover
from sandbox.slack.shortcuts import SHORTCUTS, Shortcut
from sandbox.slack.workspace import COMMANDS, EVENTS
from tests.harness.source_code import PROJECT, attributes, modules

MANIFEST: dict[str, Any] = yaml.safe_load((PROJECT / "manifest.yml").read_text(encoding="utf-8"))

# What each part of a manifest may hold; of the parts that this app has none of, only the names.
KNOWN = {
    "": (
        "$schema _metadata app_directory display_information features oauth_config settings "
        "functions workflows datastores outgoing_domains types external_auth_providers mcp_servers"
    ),
    "_metadata": "schema_version min_version major_version minor_version",
    "display_information": "name description long_description background_color",
    "features": (
        "app_home bot_user functions shortcuts slash_commands workflow_steps unfurl_domains "
        "assistant_view agent_view"
    ),
    "features.app_home": "home_tab_enabled messages_tab_enabled messages_tab_read_only_enabled",
    "features.bot_user": "display_name always_online",
    "features.shortcuts": "name type callback_id description",
    "features.slash_commands": "command url description usage_hint should_escape",
    "oauth_config": "redirect_urls scopes token_management_enabled pkce_enabled",
    "oauth_config.scopes": "user bot user_optional bot_optional",
    "settings": (
        "allowed_ip_address_ranges event_subscriptions incoming_webhooks interactivity "
        "org_deploy_enabled socket_mode_enabled is_hosted token_rotation_enabled siws_links "
        "hermes_app_type function_runtime is_mcp_enabled"
    ),
    "settings.event_subscriptions": "request_url user_events bot_events metadata_subscriptions",
    "settings.interactivity": "is_enabled request_url message_menu_options_url",
}

LENGTHS = {
    "display_information.name": (1, 35),
    "display_information.description": (1, 140),
    "display_information.long_description": (175, 4000),
    "features.bot_user.display_name": (1, 80),
    "features.shortcuts.name": (1, 24),
    "features.shortcuts.callback_id": (1, 255),
    "features.shortcuts.description": (1, 150),
    "features.slash_commands.command": (2, 32),
    "features.slash_commands.url": (1, 3000),
    "features.slash_commands.description": (1, 2000),
    "features.slash_commands.usage_hint": (1, 1000),
    "settings.event_subscriptions.request_url": (1, 3500),
    "settings.interactivity.request_url": (1, 3500),
}


# Slack: the reference of each Web API method. Showing and changing views needs no scope.
SCOPES_OF: dict[str, tuple[str, ...]] = {
    "auth_test": (),
    "bots_info": ("users:read",),
    "chat_delete": ("chat:write",),
    "chat_postEphemeral": ("chat:write",),
    "chat_postMessage": ("chat:write",),
    "chat_update": ("chat:write",),
    "conversations_history": ("channels:history", "groups:history", "im:history"),
    "conversations_info": ("channels:read", "groups:read"),
    "conversations_join": ("channels:join",),
    "conversations_members": ("channels:read", "groups:read"),
    "conversations_open": ("im:write",),
    "conversations_replies": ("channels:history", "groups:history", "im:history"),
    "files_getUploadURLExternal": ("files:write",),
    "files_completeUploadExternal": ("files:write",),
    "files_upload_v2": ("files:write",),
    "users_info": ("users:read",),
    "views_open": (),
    "views_publish": (),
    "views_push": (),
    "views_update": (),
}
SCOPE_OF_COMMANDS = "commands"

# Slack: the reference of each event.
SCOPES_OF_EVENTS: dict[str, set[str]] = {
    "app_home_opened": set(),
    "app_uninstalled": set(),
    "channel_archive": {"channels:read"},
    "channel_deleted": {"channels:read"},
    "channel_left": {"channels:read"},
    "channel_shared": {"channels:read", "groups:read"},
    "channel_unshared": {"channels:read", "groups:read"},
    "group_archive": {"groups:read"},
    "group_deleted": {"groups:read"},
    "group_left": {"groups:read"},
    "tokens_revoked": set(),
    "user_change": {"users:read"},
}


def parts(path: str) -> list[Any]:
    """The values at a dotted path; lists are searched."""
    found: list[Any] = [MANIFEST]
    for name in filter(None, path.split(".")):
        inside = [part.get(name, []) for part in found]
        found = [one for part in inside for one in (part if isinstance(part, list) else [part])]
    return found


@pytest.mark.parametrize("path", KNOWN)
def test_has_no_names_that_slack_does_not_know(path: str) -> None:
    """The manifest has only names that Slack knows."""
    known = set(KNOWN[path].split())
    assert parts(path)
    assert [part.keys() - known for part in parts(path) if part.keys() - known] == []


@pytest.mark.parametrize("path", LENGTHS)
def test_keeps_to_the_lengths(path: str) -> None:
    """Texts are within Slack's limits of length."""
    least, most = LENGTHS[path]
    assert parts(path)
    assert all(isinstance(text, str) and least <= len(text) <= most for text in parts(path))


def test_is_of_version_2() -> None:
    """The version that Slack's reference describes."""
    assert MANIFEST["_metadata"]["major_version"] == 2


def test_has_commands_that_slack_takes() -> None:
    """There are at most fifty commands; each begins with a slash, without spaces or capitals."""
    commands = parts("features.slash_commands.command")
    assert 1 <= len(commands) <= 50
    assert all(re.fullmatch(r"/[a-z0-9_-]+", command) for command in commands)


def test_has_shortcuts_that_slack_takes() -> None:
    """There are at most ten shortcuts, the same as in the stand-in."""
    shortcuts = parts("features.shortcuts")
    assert len(shortcuts) <= 10
    assert {shortcut["type"] for shortcut in shortcuts} <= {"message", "global"}
    assert [
        Shortcut(shortcut["name"], shortcut["callback_id"], shortcut["type"])
        for shortcut in shortcuts
    ] == list(SHORTCUTS)


def test_sends_everything_to_the_one_endpoint() -> None:
    """Commands, interactions and events are sent over TLS to the path of the web process."""
    paths = (
        "features.slash_commands.url",
        "settings.event_subscriptions.request_url",
        "settings.interactivity.request_url",
        "settings.interactivity.message_menu_options_url",
    )
    urls = [url for path in paths for url in parts(path)]
    assert len(set(urls)) == 1
    address = urlsplit(urls[0])
    assert (address.scheme, address.path) == ("https", "/slack/events")
    assert address.hostname


def test_hears_buttons() -> None:
    """Interactivity is on, so that buttons and modals reach the app."""
    assert MANIFEST["settings"]["interactivity"]["is_enabled"] is True
    assert MANIFEST["settings"]["socket_mode_enabled"] is False


def test_hears_the_events_that_it_listens_to() -> None:
    """The events are those that the app handles, and need no other scopes."""
    subscribed = set(MANIFEST["settings"]["event_subscriptions"]["bot_events"])
    assert subscribed == discover(bot.listeners).events.keys() == EVENTS
    assert set().union(*(SCOPES_OF_EVENTS[event] for event in subscribed)) <= SCOPES


def test_has_a_home_and_takes_commands_beside_it() -> None:
    """The Home tab and the messages tab are enabled."""
    tabs = MANIFEST["features"]["app_home"]
    assert tabs["home_tab_enabled"] is tabs["messages_tab_enabled"] is True
    assert tabs["messages_tab_read_only_enabled"] is False


def test_takes_commands_as_they_are_typed() -> None:
    """Slack's escaping is off: it would change job ids and links."""
    assert parts("features.slash_commands.should_escape") == [False]


def test_has_a_color_that_slack_takes() -> None:
    """Three or six hexadecimal digits."""
    color = MANIFEST["display_information"]["background_color"]
    assert re.fullmatch(r"#[0-9a-fA-F]{3}([0-9a-fA-F]{3})?", color)


def test_the_manifest_has_our_command() -> None:
    """The only command is the one that the app handles."""
    assert parts("features.slash_commands.command") == [SLASH_COMMAND]
    assert frozenset({SLASH_COMMAND}) == COMMANDS


def test_scopes_are_those_that_are_used() -> None:
    """The scopes are exactly those that the app's calls need."""
    names = {name for path in modules("bot") for name in attributes(path)}
    called = {name for name in names if "_" in name.strip("_") and hasattr(AsyncWebClient, name)}
    needed = {scope for name in called - {"api_call"} for scope in SCOPES_OF[name]}
    assert needed | {SCOPE_OF_COMMANDS} == SCOPES
    assert set(MANIFEST["oauth_config"]["scopes"]["bot"]) == SCOPES
    assert MANIFEST["oauth_config"]["scopes"].keys() == {"bot"}
