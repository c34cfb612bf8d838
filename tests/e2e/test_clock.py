"""The clock of the demo: the bot's own processes go by it, and so do Slack and Emporix."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from sandbox import demo_state
from sandbox.clock.cli import clock, run_clock_command
from sandbox.slack.person import Person, SandboxError
from sandbox.stack import running_stack
from tests.listeners.digest.fixtures import set_up

SOON = 20.0
HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Demo:
    http: httpx.AsyncClient
    slack_url: str
    folder: Path

    async def says(self, words: str = "") -> str:
        return await run_clock_command(self.http, self.slack_url, words)

    @property
    def ada(self) -> Person:
        return Person(self.http, self.slack_url, "ada", "ops")

    async def posted(self, number: int) -> list[dict[str, Any]]:
        """The digests in #ops, when there are so many, and no more a moment later."""
        async with asyncio.timeout(SOON):
            while len(found := await self._tops()) < number:  # noqa: ASYNC110 - as it comes
                await asyncio.sleep(0.1)
        await asyncio.sleep(1.5)  # the worker looks twice more at what is due
        assert len(await self._tops()) == number
        return found

    async def _tops(self) -> list[dict[str, Any]]:
        messages = await self.ada.messages()
        return [one for one in messages if not one["thread_ts"] and not one["ephemeral"]]


@pytest.fixture
async def demo(tmp_path: Path) -> AsyncIterator[Demo]:
    async with running_stack(tmp_path, alive=True) as stack, httpx.AsyncClient(timeout=60) as http:
        with demo_state.published(tmp_path, stack.slack_url):
            yield Demo(http, stack.slack_url, tmp_path)


async def test_a_digest_comes_when_its_time_has_come(demo: Demo) -> None:
    """Of the day that was leapt over, with its failures; then signatures and buttons still work."""
    await set_up(demo.ada)
    assert "The next digest is due" in await demo.says()
    await demo.says("next digest")
    (digest,) = await demo.posted(1)
    assert "job" in digest["text"]
    exchange = await demo.ada.command("/emporix jobs size:1")
    assert exchange.ack_status == 200
    assert "Job 1 of" in str(exchange.messages)


async def test_a_missed_run_is_late_and_then_skipped(demo: Demo) -> None:
    """The worker was stopped: two hours are made up for, a day is only mentioned."""
    await set_up(demo.ada)
    assert "is stopped" in await demo.says("stop worker")
    await demo.says("next digest")
    with pytest.raises(SandboxError, match="waits for the worker already"):
        await demo.says("next digest")
    assert "Waiting for the worker: 1" in await demo.says("+2 h")
    assert "is at work" in await demo.says("start worker")
    (late,) = await demo.posted(1)
    assert "This comes late" in str(late["blocks"])
    await demo.says("stop worker")
    await demo.says("+1 d")
    await demo.says("+7 h")
    await demo.says("start worker")
    await demo.says("next digest")
    _, next_one = await demo.posted(2)
    assert "Left out, because it could not be posted in time" in str(next_one["blocks"])
    assert "This comes late" not in str(next_one["blocks"])


async def test_what_cannot_be_done_is_said(
    demo: Demo, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the same words at the prompt and from another terminal."""
    with pytest.raises(SandboxError, match="No digest is due: set one up"):
        await demo.says("next digest")
    with pytest.raises(SandboxError, match="only goes forward"):
        await demo.says("2020-01-01 09:00")
    assert await clock("yesterday", demo.folder) == 2
    assert "To move it, say" in capsys.readouterr().err
    assert await clock("tomorrow 09:00", demo.folder) == 0
    assert "09:00:0" in capsys.readouterr().out
    assert await clock("", tmp_path / "elsewhere") == 2
    assert "make demo" in capsys.readouterr().err


@pytest.mark.parametrize("given", [b"", b"[]", b"{}", b'{"to": 1}', b'"x"', b"\xff"])
async def test_the_endpoints_refuse_invalid_requests(demo: Demo, given: bytes) -> None:
    """With an answer, whatever it is."""
    for page_routes in ("clock", "worker"):
        answer = await demo.http.post(f"{demo.slack_url}/sandbox/{page_routes}", content=given)
        assert answer.status_code == 400
        assert answer.json()["error"]
