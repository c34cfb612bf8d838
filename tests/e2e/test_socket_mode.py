"""Web processes in Socket Mode: whatever happens to their connections, nothing is lost or repeated.

Each command asks for another job, so a lost command has no answer, and a repeated one has two.
"""

from __future__ import annotations

import asyncio
import re
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from typing import Any

import httpx
import pytest

from sandbox.processes import START_SECONDS, bot_process, web_process
from sandbox.server import free_port
from sandbox.slack.delivery import Ack
from tests.harness.web_process import (
    Surroundings,
    ask,
    connect,
    open_surroundings,
    until_ready,
)

ANSWERED_WITHIN = 15.0
REDIS_WAS_SLOW = ":warning: *Your connections can't be read right now."
"""The answer if Redis takes longer than 0.9 s, as on a busy machine: an answer, too."""

REFRESH_SECONDS = 3.0  # Slack gives about 10


@pytest.fixture
async def around(redis: Any, redis_url: str) -> AsyncIterator[Surroundings]:
    async with open_surroundings(redis_url, "socket") as opened:
        yield opened


class Commands:
    """Commands that were sent, each for its own job, and whether each has exactly one answer."""

    def __init__(self, around: Surroundings, count: int) -> None:
        self._around = around
        self._ids = [f"job-{number}" for number in range(count)]
        for job_id in self._ids:
            words = f"Done: {job_id}."
            around.emporix_state.add_job("acme", id=job_id, status="success", message=words)
        self._next = iter(self._ids)

    def send(self) -> asyncio.Task[Ack]:
        return asyncio.create_task(ask(self._around, f"jobs get {next(self._next)}"))

    async def send_all(self, per_second: float) -> list[Ack]:
        """Send the rest, evenly, and wait for all acks."""
        acks = []
        for job_id in self._next:
            acks.append(asyncio.create_task(ask(self._around, f"jobs get {job_id}")))
            await asyncio.sleep(1 / per_second)  # the rate of the commands
        return await asyncio.gather(*acks)

    async def are_answered_once(self) -> None:
        """Assert that each command has one answer, and that no job was read twice."""
        answers, others = Counter[str](), list[str]()
        with suppress(TimeoutError):
            async with asyncio.timeout(ANSWERED_WITHIN):
                while answers.total() + len(others) < len(self._ids):
                    await asyncio.sleep(0.05)
                    answers, others = await self._answers()
        assert [text for text in others if not text.startswith(REDIS_WAS_SLOW)] == []
        assert answers.total() + len(others) == len(self._ids)
        assert set(answers.values()) == {1}
        gets = Counter(seen.path.rpartition("/")[2] for seen in self._around.emporix_state.requests)
        assert [job_id for job_id in self._ids if gets[job_id] > 1] == []

    async def _answers(self) -> tuple[Counter[str], list[str]]:
        """Count the answers by job, whose messages they contain; and return other texts."""
        shown = [message["text"] for message in await self._around.ada.messages()]
        others = [text for text in shown if "Done: job-" not in text]
        return Counter(re.findall(r"Done: (job-\d+)\.", "\n".join(shown))), others


async def test_a_refresh_under_load(around: Surroundings) -> None:
    """While Slack refreshes the only connection twice, each of 40 commands a second works."""
    commands, slack = Commands(around, 240), around.workspace.socket_mode
    async with web_process(around.settings) as around.workspace.bot_url:
        await connect(around)
        sending = asyncio.create_task(commands.send_all(per_second=40))
        for _ in range(2):
            (current,) = slack.connections
            await slack.refresh(current, seconds=REFRESH_SECONDS)
            await slack.until_connected(1)
        acks = await sending
        await commands.are_answered_once()
    assert {ack.status for ack in acks} == {200}
    assert len({sent.connection for sent in slack.sent}) == 3


async def test_a_connection_that_is_cut_within_an_envelope(around: Surroundings) -> None:
    """A command is done once if its connection is cut when it is sent, or when its ack is."""
    commands, slack = Commands(around, 3), around.workspace.socket_mode
    async with web_process(around.settings) as around.workspace.bot_url:
        await connect(around)
        sent_before = len(slack.sent)
        slack.cut_when_sent = 1
        acks = [await commands.send()]
        slack.cut_when_acknowledged = 1
        acks += [await commands.send(), await commands.send()]
        await commands.are_answered_once()
    assert {ack.status for ack in acks} == {200}
    reasons = [sent.envelope.get("retry_reason") for sent in slack.sent[sent_before:]]
    assert reasons == [None, "connection_closed", None, "connection_closed", None]


async def test_two_processes_of_which_one_is_killed(around: Surroundings) -> None:
    """What a killed process had not acknowledged is done once by the other process."""
    commands, slack = Commands(around, 60), around.workspace.socket_mode
    other = around.settings | {"PORT": str(free_port())}
    async with AsyncExitStack() as parts:
        around.workspace.bot_url = await parts.enter_async_context(web_process(around.settings))
        await connect(around)
        killed = await parts.enter_async_context(bot_process("web", other))
        async with asyncio.timeout(START_SECONDS):
            await slack.until_connected(2)
        killed.send_signal(signal.SIGSTOP)
        sending = asyncio.create_task(commands.send_all(per_second=100))
        await asyncio.sleep(0.3)  # about half of the commands wait in the stopped process
        killed.send_signal(signal.SIGKILL)
        acks = await sending
        await commands.are_answered_once()
    assert {ack.status for ack in acks} == {200}
    assert "connection_closed" in {sent.envelope.get("retry_reason") for sent in slack.sent}


async def test_sigterm_sends_requests_to_the_other_process(around: Surroundings) -> None:
    """A process disconnects at once on SIGTERM, finishes its work, and loses no request."""
    commands, slack = Commands(around, 100), around.workspace.socket_mode
    other = around.settings | {"PORT": str(free_port())}
    async with web_process(around.settings) as around.workspace.bot_url:
        await connect(around)
        async with bot_process("web", other) as stopping:
            async with asyncio.timeout(START_SECONDS):
                await slack.until_connected(2)
            sending = asyncio.create_task(commands.send_all(per_second=50))
            stopping.terminate()
            async with asyncio.timeout(START_SECONDS):
                await slack.until_connected(1)
            ready = await around.http.get(f"http://127.0.0.1:{other['PORT']}/readyz")
            assert ready.json() == {"status": "this process is stopping"}  # its port is open longer
            assert await stopping.wait() == -signal.SIGTERM
            acks = await sending
        await commands.are_answered_once()
    assert {ack.status for ack in acks} == {200}


async def test_only_health_checks_are_served_without_a_signing_secret(
    around: Surroundings,
) -> None:
    """Without a signing secret, nothing but /healthz and /readyz is served on PORT."""
    async with web_process(around.settings) as url:
        ready = await around.http.get(f"{url}/readyz")
        assert ready.json() == {"status": "ok", "socket_mode": "connected"}
        assert (await around.http.get(f"{url}/healthz")).status_code == 200
        assert (await around.http.post(f"{url}/slack/events", content=b"x")).status_code == 404


async def test_readiness_shows_that_slack_is_not_connected(around: Surroundings) -> None:
    """Without a signing secret, /readyz says what to do while Socket Mode is off; then it works."""
    slack = around.workspace.socket_mode
    slack.is_enabled = False
    async with bot_process("web", around.settings):
        url = around.workspace.bot_url = f"http://127.0.0.1:{around.settings['PORT']}"
        words = "link_disabled: turn on Socket Mode in the settings of the Slack app"
        async with asyncio.timeout(START_SECONDS):
            while await trouble(around, url) != words:  # noqa: ASYNC110 - a process is watched
                await asyncio.sleep(0.02)
        assert (await around.http.get(f"{url}/readyz")).status_code == 503
        slack.is_enabled = True
        await until_ready(around)


async def trouble(around: Surroundings, url: str) -> str:
    try:
        return str((await around.http.get(f"{url}/readyz")).json().get("trouble"))
    except httpx.TransportError:
        return ""
