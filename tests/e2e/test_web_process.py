"""The web process as the Procfile starts it, over HTTP and in Socket Mode, and how it stops."""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from bot.slack.background import DEFAULT_QUEUE_LIMITS
from sandbox.emporix.faults import Fault
from sandbox.emporix.keys import ACME_OPERATIONS
from sandbox.emporix.state import EmporixState
from sandbox.processes import (
    PROJECT,
    Command,
    StackError,
    bot_process,
    procfile_command,
    web_process,
)
from sandbox.server import free_port
from sandbox.slack.delivery import Ack
from tests.harness.app import TRANSPORTS
from tests.harness.web_process import (
    Surroundings,
    ask,
    connect,
    is_ready,
    open_surroundings,
    until_ready,
)

only_http = pytest.mark.parametrize("surroundings", ["http"], indirect=True)


@pytest.fixture(params=TRANSPORTS)
async def surroundings(
    request: pytest.FixtureRequest, redis: Any, redis_url: str
) -> AsyncIterator[Surroundings]:
    async with open_surroundings(redis_url, request.param) as opened:
        yield opened


async def test_finishes_running_work_on_sigterm(surroundings: Surroundings) -> None:
    """After SIGTERM, all 50 running and waiting commands are answered."""
    running, waiting = DEFAULT_QUEUE_LIMITS.each_running, 30
    surroundings.emporix_state.add_job("acme", id="job-1", status="success", message="Done.")
    async with bot_process("web", surroundings.settings) as process:
        surroundings.workspace.bot_url = f"http://127.0.0.1:{surroundings.settings['PORT']}"
        await until_ready(surroundings)
        await connect(surroundings)
        slow = Fault("delay", times=running, path="/jobs/job-1", seconds=4)
        surroundings.emporix_state.faults.add(slow)
        acks = await asyncio.gather(*[ask(surroundings) for _ in range(running + waiting)])
        assert {(ack.status, ack.body) for ack in acks} == {(200, None)}
        async with asyncio.timeout(10):
            while _gets(surroundings.emporix_state) < running:  # noqa: ASYNC110 - another process is watched
                await asyncio.sleep(0.01)
        assert _gets(surroundings.emporix_state) == running
        process.terminate()
        assert await process.wait() == -signal.SIGTERM
    shown = [message["text"] for message in await surroundings.ada.messages()]
    assert shown.count("✅ Succeeded · complaint-agent: “Done.”") == running + waiting


def _gets(emporix_state: EmporixState) -> int:
    return sum("job-1" in seen.path for seen in emporix_state.requests)


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
async def test_finishes_running_work_after_another_signal(
    surroundings: Surroundings, second: signal.Signals
) -> None:
    """A second signal, such as Ctrl-C, drops no command that is running."""
    surroundings.emporix_state.add_job("acme", id="job-1", status="success", message="Done.")
    async with bot_process("web", surroundings.settings) as process:
        surroundings.workspace.bot_url = f"http://127.0.0.1:{surroundings.settings['PORT']}"
        await until_ready(surroundings)
        await connect(surroundings)
        slow = Fault("delay", times=1, path="/jobs/job-1", seconds=2)
        surroundings.emporix_state.faults.add(slow)
        assert (await ask(surroundings)).status == 200
        async with asyncio.timeout(10):
            while not _gets(surroundings.emporix_state):  # noqa: ASYNC110 - another process is watched
                await asyncio.sleep(0.01)
        process.terminate()
        async with asyncio.timeout(2):
            while await is_ready(surroundings):  # noqa: ASYNC110 - another process is watched
                await asyncio.sleep(0.01)
        process.send_signal(second)
        await process.wait()
    shown = [message["text"] for message in await surroundings.ada.messages()]
    assert "✅ Succeeded · complaint-agent: “Done.”" in shown


async def test_a_deploy_loses_no_ack(surroundings: Surroundings) -> None:
    """During a deploy, each of 100 commands a second gets its ack, on new and on kept connections.

    Over HTTP, the test sends requests to the old process until it reports that it is stopping, like
    a load balancer. In Socket Mode, Slack sends them to both until the old one disconnects.
    """
    other = surroundings.settings | {"PORT": str(free_port())}
    acks: list[asyncio.Task[Ack]] = []
    async with (
        bot_process("web", surroundings.settings) as old,
        web_process(other) as new_url,
        httpx.AsyncClient(limits=httpx.Limits(max_keepalive_connections=0)) as unkept,
    ):
        surroundings.workspace.bot_url = f"http://127.0.0.1:{surroundings.settings['PORT']}"
        await until_ready(surroundings)
        for number in range(500):
            if number == 100:
                old.terminate()
            if number >= 100 and number % 50 == 0 and not await is_ready(surroundings):
                surroundings.workspace.bot_url = new_url
            http = unkept if number % 2 else surroundings.http
            acks.append(asyncio.create_task(ask(surroundings, "help", http)))
            await asyncio.sleep(0.01)  # the rate of the commands
        ended = await asyncio.gather(*acks)
        assert await old.wait() == -signal.SIGTERM
    assert [ack.status for ack in ended] == [200] * len(ended)


@only_http
async def test_accepts_requests_during_the_grace_period(surroundings: Surroundings) -> None:
    """After SIGTERM, /readyz reports it, and requests are answered during the grace period."""
    async with bot_process("web", surroundings.settings) as process:
        surroundings.workspace.bot_url = f"http://127.0.0.1:{surroundings.settings['PORT']}"
        await until_ready(surroundings)
        process.terminate()
        async with asyncio.timeout(2):
            while await is_ready(surroundings):  # noqa: ASYNC110 - another process is watched
                await asyncio.sleep(0.01)
        answer = await surroundings.http.get(f"{surroundings.workspace.bot_url}/readyz")
        assert answer.json() == {"status": "this process is stopping"}
        assert answer.headers["connection"] == "close"
        assert (await ask(surroundings, "help")).status == 200


@only_http
async def test_idle_connections_block_no_command(surroundings: Surroundings) -> None:
    """With more idle connections than file descriptors, each command is answered."""
    address = ("127.0.0.1", int(surroundings.settings["PORT"]))
    with ExitStack() as idle:
        async with web_process(
            surroundings.settings, with_descriptors(200)
        ) as surroundings.workspace.bot_url:
            for _ in range(300):
                idle.enter_context(socket.create_connection(address))
            acks = await asyncio.gather(*[ask(surroundings, "help") for _ in range(50)])
    assert [ack.status for ack in acks] == [200] * len(acks)


def with_descriptors(number: int) -> Command:
    """Return the Procfile's process with a low limit of file descriptors."""

    def command(name: str) -> list[str]:
        return ["prlimit", f"--nofile={number}:{number}", *procfile_command(name)]

    return command


async def test_logs_no_secrets(
    surroundings: Surroundings, capfd: pytest.CaptureFixture[str]
) -> None:
    """Even at DEBUG, no body, token, secret or response_url is logged."""
    async with web_process(surroundings.settings) as surroundings.workspace.bot_url:
        await connect(surroundings)
        await surroundings.ada.command("/emporix jobs search very-private-words")
        await surroundings.ada.command("/emporix jobs get nothing-there")
        for fault in (Fault("status", times=9, status=500), Fault("cut_before", times=9)):
            surroundings.emporix_state.faults.add(fault)
            await surroundings.ada.command("/emporix jobs search very-private-words")
    written = capfd.readouterr().err
    assert "not_found" in written
    secrets = [
        surroundings.settings["SLACK_BOT_TOKEN"],
        surroundings.workspace.signing_secret,
        surroundings.workspace.socket_mode.app_token,
        "ticket=",
        surroundings.settings["ENCRYPTION_KEYS"],
        ACME_OPERATIONS.client_id,
        "very-private-words",
        "/commands/",
        "Bearer",
        "trigger_id",
    ]
    assert [secret for secret in secrets if secret in written] == []


def test_http_alone_imports_nothing_of_socket_mode() -> None:
    """Without SLACK_APP_TOKEN, a web process doesn't load the modules of Socket Mode."""
    code = "import sys, bot.web; print([name for name in sys.modules if 'socket_mode' in name])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


async def test_missing_settings_are_named(tmp_path: Path) -> None:
    """All missing settings are named, without a traceback."""
    with pytest.raises(StackError, match="status 2"):
        async with web_process({"PORT": "0", "SLACK_BOT_TOKEN": "", "REDIS_URL": ""}):
            pass
