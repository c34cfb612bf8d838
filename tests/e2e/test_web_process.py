"""The web process as the Procfile starts it, and how it ends."""

from __future__ import annotations

import asyncio
import signal
import socket
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from bot.slack.background import DEFAULT_QUEUE_LIMITS
from bot.store.encryption import new_key
from sandbox.emporix.app import create_app as create_emporix
from sandbox.emporix.faults import Fault
from sandbox.emporix.keys import ACME_OPERATIONS
from sandbox.emporix.state import EmporixState
from sandbox.processes import (
    START_SECONDS,
    Command,
    bot_process,
    procfile_command,
    web_process,
)
from sandbox.server import free_socket, serving
from sandbox.slack import payloads
from sandbox.slack.actor import Actor
from sandbox.slack.app import create_app as create_slack
from sandbox.slack.delivery import Ack, deliver
from sandbox.slack.directory import ADA, CHANNELS
from sandbox.slack.person import Person
from sandbox.slack.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Outside:
    """What the process finds around it."""

    emporix_state: EmporixState
    workspace: Workspace
    settings: dict[str, str]
    ada: Person
    slack_url: str
    http: httpx.AsyncClient


@pytest.fixture
async def outside(redis: Any, redis_url: str) -> AsyncIterator[Outside]:
    emporix_state, workspace = EmporixState(time.time), Workspace(time.time)
    async with AsyncExitStack() as parts:
        emporix = await parts.enter_async_context(serving(create_emporix(emporix_state)))
        slack = await parts.enter_async_context(serving(create_slack(workspace)))
        http = await parts.enter_async_context(httpx.AsyncClient(timeout=30))
        settings = {
            "SLACK_BOT_TOKEN": workspace.bot_token,
            "SLACK_SIGNING_SECRET": workspace.signing_secret,
            "SLACK_API_URL": f"{slack}/api/",
            "EMPORIX_API_URL": emporix,
            "REDIS_URL": redis_url,
            "ENCRYPTION_KEYS": new_key(),
            "HOST": "127.0.0.1",
            "PORT": str(free_port()),
            "LOG_LEVEL": "DEBUG",
            "LOG_FORMAT": "json",
        }
        yield Outside(emporix_state, workspace, settings, Person(http, slack), slack, http)


def free_port() -> int:
    with free_socket() as found:
        return int(found.getsockname()[1])


async def connect(outside: Outside) -> None:
    await outside.ada.command("/emporix connect acme")
    await outside.ada.submit(
        {
            "Client ID": ACME_OPERATIONS.client_id,
            "Client secret": ACME_OPERATIONS.client_secret,
        }
    )


async def test_finishes_what_runs_when_it_is_told_to_stop(outside: Outside) -> None:
    """SIGTERM while 50 commands run and more wait for their turn: all of them are answered."""
    running, waiting = DEFAULT_QUEUE_LIMITS.each_running, 30
    outside.emporix_state.add_job("acme", id="job-1", status="success", message="Done.")
    async with bot_process("web", outside.settings) as process:
        outside.workspace.bot_url = f"http://127.0.0.1:{outside.settings['PORT']}"
        await until_ready(outside)
        await connect(outside)
        slow = Fault("delay", times=running, path="/jobs/job-1", seconds=2)
        outside.emporix_state.faults.add(slow)
        acks = await asyncio.gather(*[ask(outside) for _ in range(running + waiting)])
        assert {(ack.status, ack.body) for ack in acks} == {(200, None)}
        async with asyncio.timeout(10):
            while _gets(outside.emporix_state) < running:  # noqa: ASYNC110 - another process is watched
                await asyncio.sleep(0.01)
        assert _gets(outside.emporix_state) == running
        process.terminate()
        assert await process.wait() == -signal.SIGTERM
    shown = [message["text"] for message in await outside.ada.messages()]
    assert shown.count("Job `job-1`: succeeded") == running + waiting


async def ask(
    outside: Outside, text: str = "jobs get job-1", http: httpx.AsyncClient | None = None
) -> Ack:
    """The command alone, without waiting for what comes of it."""
    actor = Actor(outside.workspace, outside.slack_url, ADA, CHANNELS[0])
    form = payloads.command(actor, "/emporix", text)
    return await deliver(http or outside.http, outside.workspace, form)


def _gets(emporix_state: EmporixState) -> int:
    return sum("job-1" in seen.path for seen in emporix_state.requests)


async def test_cuts_no_ack_when_another_process_takes_over(outside: Outside) -> None:
    """100 commands a second, on new and on kept connections: at a deploy each of them is answered.

    As a load balancer does it, requests go to the old process until it says that it stops.
    """
    other = outside.settings | {"PORT": str(free_port())}
    acks: list[asyncio.Task[Ack]] = []
    async with (
        bot_process("web", outside.settings) as old,
        web_process(other) as new_url,
        httpx.AsyncClient(limits=httpx.Limits(max_keepalive_connections=0)) as unkept,
    ):
        outside.workspace.bot_url = f"http://127.0.0.1:{outside.settings['PORT']}"
        await until_ready(outside)
        for number in range(500):
            if number == 100:
                old.terminate()
            if number >= 100 and number % 50 == 0 and not await is_ready(outside):
                outside.workspace.bot_url = new_url
            http = unkept if number % 2 else outside.http
            acks.append(asyncio.create_task(ask(outside, "help", http)))
            await asyncio.sleep(0.01)  # the rate of the commands
        ended = await asyncio.gather(*acks)
        assert await old.wait() == -signal.SIGTERM
    assert [ack.status for ack in ended] == [200] * len(ended)


async def test_takes_requests_while_it_stops(outside: Outside) -> None:
    """After SIGTERM /readyz says so, and for the grace period requests are still answered."""
    async with bot_process("web", outside.settings) as process:
        outside.workspace.bot_url = f"http://127.0.0.1:{outside.settings['PORT']}"
        await until_ready(outside)
        process.terminate()
        async with asyncio.timeout(2):
            while await is_ready(outside):  # noqa: ASYNC110 - another process is watched
                await asyncio.sleep(0.01)
        answer = await outside.http.get(f"{outside.workspace.bot_url}/readyz")
        assert answer.json() == {"status": "this process is stopping"}
        assert answer.headers["connection"] == "close"
        assert (await ask(outside, "help")).status == 200


async def is_ready(outside: Outside) -> bool:
    try:
        answer = await outside.http.get(f"{outside.workspace.bot_url}/readyz")
    except httpx.TransportError:
        return False
    return answer.status_code == httpx.codes.OK


async def until_ready(outside: Outside) -> None:
    async with asyncio.timeout(START_SECONDS):
        while not await is_ready(outside):  # noqa: ASYNC110 - another process is watched
            await asyncio.sleep(0.02)


async def test_answers_signed_commands_whatever_else_is_connected(outside: Outside) -> None:
    """With few descriptors, and more idle connections than those, each command is answered."""
    address = ("127.0.0.1", int(outside.settings["PORT"]))
    with ExitStack() as idle:
        async with web_process(
            outside.settings, with_descriptors(200)
        ) as outside.workspace.bot_url:
            for _ in range(300):
                idle.enter_context(socket.create_connection(address))
            acks = await asyncio.gather(*[ask(outside, "help") for _ in range(50)])
    assert [ack.status for ack in acks] == [200] * len(acks)


def with_descriptors(number: int) -> Command:
    """The process of the Procfile with a low limit of file descriptors."""

    def command(name: str) -> list[str]:
        return ["prlimit", f"--nofile={number}:{number}", *procfile_command(name)]

    return command


async def test_logs_no_secrets(outside: Outside, capfd: pytest.CaptureFixture[str]) -> None:
    """Even at DEBUG no body, token, secret or response_url is written."""
    async with web_process(outside.settings) as outside.workspace.bot_url:
        await connect(outside)
        await outside.ada.command("/emporix jobs search very-private-words")
        await outside.ada.command("/emporix jobs get nothing-there")
        for fault in (Fault("status", times=9, status=500), Fault("cut_before", times=9)):
            outside.emporix_state.faults.add(fault)
            await outside.ada.command("/emporix jobs search very-private-words")
    written = capfd.readouterr().err
    assert "not_found" in written
    secrets = [
        outside.settings["SLACK_BOT_TOKEN"],
        outside.settings["SLACK_SIGNING_SECRET"],
        outside.settings["ENCRYPTION_KEYS"],
        ACME_OPERATIONS.client_id,
        "very-private-words",
        "/commands/",
        "Bearer",
        "trigger_id",
    ]
    assert [secret for secret in secrets if secret in written] == []


async def test_ends_at_once_when_settings_are_missing(tmp_path: Path) -> None:
    """All that is missing is named, without a traceback."""
    with pytest.raises(RuntimeError, match="status 2"):
        async with web_process({"PORT": "0", "SLACK_BOT_TOKEN": "", "REDIS_URL": ""}):
            pass
