"""When the app is busy, each type of request gets a suitable answer."""

from __future__ import annotations

import asyncio
import json

import pytest

from bot.slack.background import BackgroundTasks, QueueLimits
from bot.slack.decorators import Listener, action, command, submission
from tests.harness import sample_requests
from tests.harness.dispatch import DispatchHarness, DispatchSetup, open_dispatch


class Gate:
    """Work that starts, and ends only when it is released."""

    def __init__(self) -> None:
        self.begun, self.open, self.count = asyncio.Event(), asyncio.Event(), 0

    @property
    def heard(self) -> tuple[Listener, ...]:
        return (
            command("wait", "", "", audit=None)(self._wait),
            command("form", "", "", at_once=True, audit=None)(self._wait),
            action("wait.button", audit=None)(self._wait),
            submission("wait.form", audit=None)(self._wait),
        )

    async def _wait(self) -> None:
        self.begun.set()
        self.count += 1
        await self.open.wait()


async def fill(harness: DispatchHarness, gate: Gate) -> None:
    """Fill the process to its limit."""
    await harness.poster.command(sample_requests.command("wait", harness.response_url()))
    await gate.begun.wait()


@pytest.mark.parametrize("text", ["wait", "form"])
async def test_says_that_it_is_busy_to_a_command(text: str) -> None:
    """A command is refused privately in the ack."""
    gate = Gate()
    async with open_dispatch(
        DispatchSetup(gate.heard, BackgroundTasks(QueueLimits(running=1, waiting=0)))
    ) as harness:
        await fill(harness, gate)
        answer = await harness.poster.command(sample_requests.command(text, harness.response_url()))
        gate.open.set()
    assert (answer.status_code, answer.json()["response_type"]) == (200, "ephemeral")
    assert "The app is busy" in answer.json()["text"]


async def test_says_that_it_is_busy_to_a_button() -> None:
    """A click is refused through the response_url, because Slack ignores its ack."""
    gate = Gate()
    async with open_dispatch(
        DispatchSetup(gate.heard, BackgroundTasks(QueueLimits(running=1, waiting=0)))
    ) as harness:
        await fill(harness, gate)
        pressed = sample_requests.block_actions("wait.button", "", harness.response_url())
        answer = await harness.poster.interaction(pressed)
        gate.open.set()
        await harness.poster.settled()
        (text,) = harness.texts()
    assert (answer.status_code, answer.text) == (200, "")
    assert "The app is busy" in text


async def test_keeps_a_form_that_comes_when_it_is_busy() -> None:
    """A form keeps its input and shows the error under its first field."""
    gate = Gate()
    async with open_dispatch(
        DispatchSetup(gate.heard, BackgroundTasks(QueueLimits(running=1, waiting=0)))
    ) as harness:
        await fill(harness, gate)
        form = sample_requests.view_submission("wait.form", {"name": "Ada"})
        form["view"]["blocks"] = [{"type": "divider"}, {"type": "input", "block_id": "name"}]
        answer = await harness.poster.interaction(form)
        gate.open.set()
    assert answer.json()["response_action"] == "errors"
    assert "The app is busy" in answer.json()["errors"]["name"]


async def test_many_requests_of_a_user_do_not_block_others() -> None:
    """A user who sends a hundred commands is refused; others are not."""
    gate = Gate()
    limits = QueueLimits(running=3, waiting=10, each_running=2, each_waiting=3)
    async with open_dispatch(DispatchSetup(gate.heard, BackgroundTasks(limits))) as harness:
        ada = sample_requests.command("wait", harness.response_url())
        hundred = [await harness.poster.command(ada) for _ in range(100)]
        grace = await harness.poster.command(ada | {"user_id": "U0GRACE"})
        async with asyncio.timeout(5):
            while gate.count < 3:  # noqa: ASYNC110 - started work is counted
                await asyncio.sleep(0.01)
        gate.open.set()
    assert [len(answer.text) > 0 for answer in hundred] == [False] * 5 + [True] * 95
    assert (grace.status_code, grace.text) == (200, "")


async def test_says_that_it_is_busy_to_a_form_without_fields() -> None:
    """A form without fields is refused in the modal."""
    gate = Gate()
    async with open_dispatch(
        DispatchSetup(gate.heard, BackgroundTasks(QueueLimits(running=1, waiting=0)))
    ) as harness:
        await fill(harness, gate)
        answer = await harness.poster.interaction(sample_requests.view_submission("wait.form", {}))
        gate.open.set()
    assert answer.json()["response_action"] == "update"
    assert "The app is busy" in json.dumps(answer.json()["view"])
