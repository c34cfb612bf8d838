"""The demo's clock applies to the bot's processes, Slack and Emporix."""

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
from tests.listeners.digest.fixtures import is_announcement, set_up

SOON = 20.0
HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Demo:
    http: httpx.AsyncClient
    slack_url: str
    folder: Path

    async def clock(self, words: str = "") -> str:
        return await run_clock_command(self.http, self.slack_url, words)

    @property
    def ada(self) -> Person:
        return Person(self.http, self.slack_url, "ada", "ops")

    async def posted(self, number: int) -> list[dict[str, Any]]:
        """Return the digests in #ops when there are `number`, and no more a moment later."""
        async with asyncio.timeout(SOON):
            while len(found := await self._tops()) < number:  # noqa: ASYNC110 - as it comes
                await asyncio.sleep(0.1)
        await asyncio.sleep(1.5)  # the worker checks for due digests twice more
        assert len(await self._tops()) == number
        return found

    async def _tops(self) -> list[dict[str, Any]]:
        messages = await self.ada.messages()
        return [
            one
            for one in messages
            if not (one["thread_ts"] or one["ephemeral"] or is_announcement(one))
        ]


@pytest.fixture
async def demo(tmp_path: Path) -> AsyncIterator[Demo]:
    async with running_stack(tmp_path, alive=True) as stack, httpx.AsyncClient(timeout=60) as http:
        with demo_state.published(tmp_path, stack.slack_url):
            yield Demo(http, stack.slack_url, tmp_path)


async def test_a_digest_arrives_after_the_clock_moves(demo: Demo) -> None:
    """A digest reports the skipped day, and signatures and buttons still work."""
    await set_up(demo.ada)
    assert "The next digest is due" in await demo.clock()
    await demo.clock("next digest")
    (digest,) = await demo.posted(1)
    assert "job" in digest["text"]
    exchange = await demo.ada.command("/emporix jobs size:1")
    assert exchange.ack_status == 200
    assert "Job 1 of" in str(exchange.messages)


async def test_a_missed_run_is_late_and_then_skipped(demo: Demo) -> None:
    """Once the worker is back, a digest two hours late is posted and one a day late is skipped."""
    await set_up(demo.ada)
    assert "is stopped" in await demo.clock("stop worker")
    await demo.clock("next digest")
    with pytest.raises(SandboxError, match="is waiting for the worker"):
        await demo.clock("next digest")
    assert "Waiting for the worker: 1" in await demo.clock("+2 h")
    assert "is running" in await demo.clock("start worker")
    (late,) = await demo.posted(1)
    assert "This digest is late" in str(late["blocks"])
    await demo.clock("stop worker")
    await demo.clock("+1 d")
    await demo.clock("+7 h")
    await demo.clock("start worker")
    await demo.clock("next digest")
    _, next_one = await demo.posted(2)
    assert "Not posted in time, so skipped" in str(next_one["blocks"])
    assert "This digest is late" not in str(next_one["blocks"])


async def test_refusals_are_printed(
    demo: Demo, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The prompt and another terminal print the same refusal."""
    with pytest.raises(SandboxError, match=r"No digest is due\. Set one up"):
        await demo.clock("next digest")
    with pytest.raises(SandboxError, match="only goes forward"):
        await demo.clock("2020-01-01 09:00")
    assert await clock("yesterday", demo.folder) == 2
    assert "To move it, say" in capsys.readouterr().err
    assert await clock("tomorrow 09:00", demo.folder) == 0
    assert "09:00:0" in capsys.readouterr().out
    assert await clock("", tmp_path / "elsewhere") == 2
    assert "make demo" in capsys.readouterr().err


@pytest.mark.parametrize("given", [b"", b"[]", b"{}", b'{"to": 1}', b'"x"', b"\xff"])
async def test_the_endpoints_refuse_invalid_requests(demo: Demo, given: bytes) -> None:
    """Invalid requests get a 400 with a message."""
    for page_routes in ("clock", "worker"):
        answer = await demo.http.post(f"{demo.slack_url}/sandbox/{page_routes}", content=given)
        assert answer.status_code == 400
        assert answer.json()["error"]
