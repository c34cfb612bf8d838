"""When there is too much to do, each kind of request is told so in the way that it can be."""

from __future__ import annotations

import asyncio
import json

import pytest

from bot.slack.hear import Heard, action, command, submission
from bot.slack.turns import Limits
from bot.slack.work import Work
from tests import samples
from tests.slack.bench import Bench, Setup, open_bench


class Gate:
    """Work that begins, and ends only when it is let go."""

    def __init__(self) -> None:
        self.begun, self.open = asyncio.Event(), asyncio.Event()

    @property
    def heard(self) -> tuple[Heard, ...]:
        return (
            command("wait", "", "")(self._wait),
            command("form", "", "", at_once=True)(self._wait),
            action("wait.button")(self._wait),
            submission("wait.form")(self._wait),
        )

    async def _wait(self) -> None:
        self.begun.set()
        await self.open.wait()


async def fill(bench: Bench, gate: Gate) -> None:
    """Give the process all that it can bear."""
    await bench.poster.command(samples.command("wait", bench.response_url()))
    await gate.begun.wait()


@pytest.mark.parametrize("text", ["wait", "form"])
async def test_says_that_it_is_busy_to_a_command(text: str) -> None:
    """In the acknowledgement, which costs nothing, and for the asker alone."""
    gate = Gate()
    async with open_bench(Setup(gate.heard, Work(Limits(running=1, waiting=0)))) as bench:
        await fill(bench, gate)
        answer = await bench.poster.command(samples.command(text, bench.response_url()))
        gate.open.set()
    assert (answer.status_code, answer.json()["response_type"]) == (200, "ephemeral")
    assert "Too much is going on" in answer.json()["text"]


async def test_says_that_it_is_busy_to_a_button() -> None:
    """Slack shows nothing of such an acknowledgement, so it comes by the response_url."""
    gate = Gate()
    async with open_bench(Setup(gate.heard, Work(Limits(running=1, waiting=0)))) as bench:
        await fill(bench, gate)
        pressed = samples.block_actions("wait.button", "", bench.response_url())
        answer = await bench.poster.interaction(pressed)
        gate.open.set()
        await bench.poster.settled()
        (text,) = bench.texts()
    assert (answer.status_code, answer.text) == (200, "")
    assert "Too much is going on" in text


async def test_says_that_it_is_busy_to_a_form() -> None:
    """In the modal itself."""
    gate = Gate()
    async with open_bench(Setup(gate.heard, Work(Limits(running=1, waiting=0)))) as bench:
        await fill(bench, gate)
        answer = await bench.poster.interaction(samples.view_submission("wait.form", {}))
        gate.open.set()
    assert answer.json()["response_action"] == "update"
    assert "Too much is going on" in json.dumps(answer.json()["view"])
