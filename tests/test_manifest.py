"""manifest.yml is what Slack's "Create an app from a manifest" takes."""

from __future__ import annotations

import copy
import json
import re
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from jsonschema import Draft7Validator, FormatChecker
from slack_sdk.web.async_client import AsyncWebClient

import bot.listeners
from bot.app import SLASH_COMMAND
from bot.cli import app_manifest, main
from bot.doctor import OPTIONAL_SCOPES, SCOPES
from bot.slack.decorators import discover
from sandbox.slack.shortcuts import SHORTCUTS, Shortcut
from sandbox.slack.workspace import COMMANDS, EVENTS
from tests.harness.source_code import PROJECT, attributes, modules

MANIFEST: dict[str, Any] = yaml.safe_load((PROJECT / "manifest.yml").read_text(encoding="utf-8"))

SCHEMA = json.loads((PROJECT / "tests/slack_app_manifest.schema.json").read_text(encoding="utf-8"))
"""Slack's own schema of manifests: names, types, lengths and counts."""

ADDRESS = "https://jobs.example.org"
BY_HTTP: dict[str, Any] = yaml.safe_load(app_manifest(ADDRESS))
BY_SOCKET: dict[str, Any] = yaml.safe_load(app_manifest(""))

# Slack: the reference of each Web API method. Showing and changing views needs no scope.
SCOPES_OF: dict[str, tuple[str, ...]] = {
    "apps_connections_open": (),  # called with the app-level token, which has its own scope
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
    "usergroups_list": ("usergroups:read",),
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


@pytest.mark.parametrize("manifest", [MANIFEST, BY_HTTP, BY_SOCKET], ids=["file", "http", "socket"])
def test_is_what_slack_takes(manifest: dict[str, Any]) -> None:
    """The file and both printed manifests are valid by Slack's schema."""
    Draft7Validator(SCHEMA, format_checker=FormatChecker()).validate(manifest)


def test_the_schema_is_strict() -> None:
    """The schema rejects unknown names and too long texts."""
    validator = Draft7Validator(SCHEMA)
    assert not validator.is_valid(MANIFEST | {"unknown": True})
    assert not validator.is_valid(MANIFEST | {"display_information": {"name": "x" * 36}})


def test_a_printed_manifest_has_the_address() -> None:
    """`manifest --url` differs from the file by the address alone."""
    text = json.dumps(MANIFEST)
    assert json.loads(text.replace("https://emporix-jobs.example.com", ADDRESS)) == BY_HTTP
    assert json.dumps(BY_HTTP).count(f"{ADDRESS}/slack/events") == 4


def test_a_manifest_for_socket_mode_has_no_address() -> None:
    """`manifest --socket` turns Socket Mode on, and differs otherwise by the addresses alone."""
    assert "https://" not in json.dumps(BY_SOCKET)
    assert BY_SOCKET["settings"]["socket_mode_enabled"] is True
    expected = copy.deepcopy(BY_HTTP)
    del expected["features"]["slash_commands"][0]["url"]
    del expected["settings"]["event_subscriptions"]["request_url"]
    del expected["settings"]["interactivity"]["request_url"]
    del expected["settings"]["interactivity"]["message_menu_options_url"]
    expected["settings"]["socket_mode_enabled"] = True
    assert expected == BY_SOCKET


@pytest.mark.parametrize(
    ("typed", "address"),
    [
        (["--url", "https://jobs.example.org/"], "https://jobs.example.org/slack/events"),
        (["--url", "https://a.b:8443/jobs"], "https://a.b:8443/jobs/slack/events"),
        (["--url", "https://a.b/slack/events"], "https://a.b/slack/events"),
    ],
)
def test_takes_addresses_as_people_have_them(
    typed: list[str], address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A trailing slash, a path and the path of the requests are understood."""
    assert main(["manifest", *typed]) == 0
    printed = yaml.safe_load(capsys.readouterr().out)
    assert printed["settings"]["event_subscriptions"]["request_url"] == address


@pytest.mark.parametrize(
    "typed",
    [
        [],
        ["--socket", "--url", "https://a.b"],
        ["--url", "http://a.b"],
        ["--url", "a.b"],
        ["--url", "https://a.b # comment"],
        ["--url", "https://"],
        ["--url", ""],
    ],
)
def test_refuses_other_addresses(typed: list[str]) -> None:
    """The mode must be given, and the address must be one that Slack can use."""
    with pytest.raises(SystemExit) as ended:
        main(["manifest", *typed])
    assert ended.value.code == 2


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
    scopes = MANIFEST["oauth_config"]["scopes"]
    assert needed | {SCOPE_OF_COMMANDS} == SCOPES | OPTIONAL_SCOPES.keys() == set(scopes["bot"])
    assert set(scopes["bot_optional"]) == set(OPTIONAL_SCOPES)
    assert scopes.keys() == {"bot", "bot_optional"}
