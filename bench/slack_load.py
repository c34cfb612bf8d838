"""Sends signed commands as Slack does, and measures the time until the ack and the reply."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any
from urllib.parse import urlencode

import aiohttp

from bench.stored_users import TEAM, user_id
from bot.app import SLASH_COMMAND
from sandbox.slack.delivery import signed

SIGNING_SECRET = "be2c4a51962e5a3d6f0c1b7e8f9a24d1"
ANSWER_SECONDS = 30.0
ANSWER = ("Job", "✅ Succeeded")
"""How a list and a job begin; other messages are loading states or errors."""


class Answers:
    """Receives the replies of each response_url from the stand-in for Slack."""

    def __init__(self, slack_url: str) -> None:
        self._slack_url = slack_url
        self._numbers = count(1)
        self._awaited: dict[str, asyncio.Future[float]] = {}

    def expect(self) -> tuple[str, asyncio.Future[float]]:
        """Return a new response_url and a future of the time at which its reply arrives."""
        number = str(next(self._numbers))
        self._awaited[number] = asyncio.get_running_loop().create_future()
        return f"{self._slack_url}/answers/{number}", self._awaited[number]

    async def newest(self, http: aiohttp.ClientSession) -> dict[str, Any]:
        """Return the newest reply to any response_url."""
        async with http.get(f"{self._slack_url}/last") as answer:
            return dict(await answer.json())

    async def listen(self, http: aiohttp.ClientSession, listening: asyncio.Event) -> None:
        unlimited = aiohttp.ClientTimeout(total=None)
        async with http.get(f"{self._slack_url}/answers", timeout=unlimited) as lines:
            async for line in lines.content:
                listening.set()
                if line.strip():
                    self._hear(json.loads(line))

    def _hear(self, answer: dict[str, str]) -> None:
        awaited = self._awaited.get(answer["id"])
        if awaited and not awaited.done() and answer["text"].startswith(ANSWER):
            del self._awaited[answer["id"]]
            awaited.set_result(time.perf_counter())


@dataclass(frozen=True, slots=True)
class Command:
    """A command or click as Slack sends it, and the future time of its reply."""

    body: bytes
    headers: dict[str, str]
    answered: asyncio.Future[float]


class Load:
    """Sends commands to the app at `url`. All times are in seconds."""

    def __init__(self, http: aiohttp.ClientSession, url: str, answers: Answers) -> None:
        self._http, self._url, self._answers = http, f"{url}/slack/events", answers

    def command(self, text: str, user: int = 0) -> Command:
        """Prepare a command, so that the measured time doesn't include that."""
        response_url, answered = self._answers.expect()
        form = {
            "token": "bench",
            "team_id": TEAM,
            "team_domain": "bench",
            "channel_id": "C0BENCH",
            "channel_name": "general",
            "user_id": user_id(user),
            "user_name": "bench",
            "command": SLASH_COMMAND,
            "text": text,
            "api_app_id": "A0BENCH",
            "is_enterprise_install": "false",
            "response_url": response_url,
            "trigger_id": _trigger(response_url),
        }
        return _signed(form, answered)

    def click(self, button: Mapping[str, Any], user: int = 0) -> Command:
        """Prepare a click on a button of an earlier reply of the app."""
        response_url, answered = self._answers.expect()
        action = {key: button[key] for key in ("type", "text", "action_id", "value")}
        payload = {
            "type": "block_actions",
            "team": {"id": TEAM, "domain": "bench"},
            "user": {"id": user_id(user), "team_id": TEAM, "username": "bench"},
            "channel": {"id": "C0BENCH", "name": "general"},
            "container": {
                "type": "message",
                "message_ts": "1795430000.000100",
                "channel_id": "C0BENCH",
                "is_ephemeral": True,
            },
            "api_app_id": "A0BENCH",
            "token": "bench",
            "actions": [{**action, "block_id": "b1", "action_ts": str(time.time())}],
            "response_url": response_url,
            "trigger_id": _trigger(response_url),
        }
        return _signed({"payload": json.dumps(payload)}, answered)

    async def newest(self) -> dict[str, Any]:
        """Return the app's newest reply."""
        return await self._answers.newest(self._http)

    async def ack(self, command: Command) -> float:
        """Return the time until the ack. Raises `RuntimeError` if it fails."""
        begun = time.perf_counter()
        async with self._http.post(self._url, data=command.body, headers=command.headers) as answer:
            await answer.read()
            if answer.status != 200:
                raise RuntimeError(f"a command was answered with {answer.status}")
        return time.perf_counter() - begun

    async def ack_then_answer(self, text: str, user: int = 0) -> float:
        """Return the time until the ack, and then wait for the reply."""
        command = self.command(text, user)
        taken = await self.ack(command)
        await asyncio.wait_for(command.answered, ANSWER_SECONDS)
        return taken

    async def answer(self, text: str, user: int = 0) -> float:
        """Return the time until the reply to a command."""
        return await self.reply(self.command(text, user))

    async def reply(self, command: Command) -> float:
        """Return the time until the reply to a command or click."""
        begun = time.perf_counter()
        await self.ack(command)
        return await asyncio.wait_for(command.answered, ANSWER_SECONDS) - begun


def _trigger(response_url: str) -> str:
    """Return a trigger_id that begins with the number of the reply, so that a modal can be one."""
    return f"{response_url.rpartition('/')[2]}.{time.time_ns()}"


def _signed(form: Mapping[str, str], answered: asyncio.Future[float]) -> Command:
    body = urlencode(form).encode()
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        **signed(SIGNING_SECRET, int(time.time()), body),
    }
    return Command(body, headers, answered)


@asynccontextmanager
async def listening(http: aiohttp.ClientSession, slack_url: str) -> AsyncIterator[Answers]:
    """Receive the replies that the stand-in for Slack gets within the block."""
    answers, ready = Answers(slack_url), asyncio.Event()
    task = asyncio.create_task(answers.listen(http, ready))
    await ready.wait()
    try:
        yield answers
    finally:
        task.cancel()
