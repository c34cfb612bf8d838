"""`.slack/hooks.json`: its commands, run as the Slack CLI runs them for `slack run`.

Slack CLI: the commands of hooks.json replace those of the optional hook `get-hooks`. Without a
`protocol-version`, the output of a hook is its result. A hook is run by the user's shell, and the
arguments of the CLI are appended.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import yaml

from bot.cli import app_manifest
from bot.settings import Settings
from tests.harness.source_code import PROJECT
from tests.harness.web_process import open_surroundings, until_ready

HOOKS: dict[str, Any] = json.loads((PROJECT / ".slack/hooks.json").read_text(encoding="utf-8"))
STOP_SECONDS = 5.0
"""Slack CLI: a process that has not ended this long after the interrupt is killed."""


def hook(name: str, *arguments: str) -> list[str]:
    """The command of a hook; the CLI splits it at spaces, and joins the words again."""
    return ["sh", "-c", " ".join([*HOOKS["hooks"][name].split(), *arguments])]


def environment(**more: str) -> dict[str, str]:
    """The CLI's environment, without settings of the app."""
    names = {name.upper() for name in Settings.model_fields}
    return {name: value for name, value in os.environ.items() if name not in names} | more


def test_the_hooks_are_those_of_an_app_that_connects_by_itself() -> None:
    """The CLI finds what `slack run` needs, and leaves the connection to the app."""
    assert HOOKS["hooks"].keys() == {"get-manifest", "start"}
    assert HOOKS["config"]["sdk-managed-connection-enabled"] is True
    assert "protocol-version" not in HOOKS["config"]
    watched = [path for watch in HOOKS["config"]["watch"].values() for path in watch["paths"]]
    assert [path for path in watched if not (PROJECT / path).exists()] == []


async def test_get_manifest_prints_the_manifest_for_socket_mode() -> None:
    """The CLI gets the manifest for Socket Mode as JSON, with its own argument appended."""
    process = await asyncio.create_subprocess_exec(
        *hook("get-manifest", f"--source={PROJECT}"),
        cwd=PROJECT,
        env=environment(),
        stdout=asyncio.subprocess.PIPE,
    )
    written, _ = await process.communicate()
    manifest = json.loads(written)
    assert process.returncode == 0
    assert manifest == yaml.safe_load(app_manifest(""))
    assert manifest["settings"]["socket_mode_enabled"] is True


@pytest.mark.parametrize(
    "others", [{}, {"SLACK_APP_TOKEN": "xapp-another", "SLACK_BOT_TOKEN": "xoxb-another"}]
)
async def test_start_runs_the_app_with_the_tokens_of_the_cli(
    redis: Any, redis_url: str, others: dict[str, str]
) -> None:
    """The app uses the CLI's tokens, whatever the environment has, and answers a command."""
    async with open_surroundings(redis_url, "socket") as around:
        settings = {
            **{name: value for name, value in around.settings.items() if "_TOKEN" not in name},
            "SLACK_CLI_XAPP": around.settings["SLACK_APP_TOKEN"],
            "SLACK_CLI_XOXB": around.settings["SLACK_BOT_TOKEN"],
        }
        around.workspace.bot_url = f"http://127.0.0.1:{settings['PORT']}"
        async with started(settings | others):
            await until_ready(around)
            exchange = await around.ada.command("/emporix")
        assert exchange.ack_status == 200
        assert exchange.messages[0]["text"].startswith("Emporix Jobs")


@asynccontextmanager
async def started(settings: dict[str, str]) -> AsyncIterator[None]:
    """The process that the CLI starts, and interrupts at the end."""
    process = await asyncio.create_subprocess_exec(
        *hook("start"),
        cwd=PROJECT,
        env=environment(**settings),
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.send_signal(signal.SIGINT)
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await process.wait()
        except TimeoutError:
            process.kill()
            raise
