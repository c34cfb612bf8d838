"""When there is too much to do, each kind of request gets a suitable answer."""

from __future__ import annotations

import asyncio
import json

import pytest

from bot.slack.background import BackgroundTasks, QueueLimits
from bot.slack.decorators import Listener, action, command, submission
from tests.harness import sample_requests
from tests.harness.dispatch import DispatchHarness, DispatchSetup, open_dispatch


class Gate:
    """Work that begins, and ends only when it is let go."""

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
    """Give the process all that it can bear."""
    await harness.poster.command(sample_requests.command("wait", harness.response_url()))
    await gate.begun.wait()


@pytest.mark.parametrize("text", ["wait", "form"])
async def test_says_that_it_is_busy_to_a_command(text: str) -> None:
    """In the acknowledgement, which costs nothing, and for the asker alone."""
    gate = Gate()
    async with open_dispatch(
        DispatchSetup(gate.heard, BackgroundTasks(QueueLimits(running=1, waiting=0)))
    ) as harness:
        await fill(harness, gate)
        answer = await harness.poster.command(sample_requests.command(text, harness.response_url()))
        gate.open.set()
    assert (answer.status_code, answer.json()["response_type"]) == (200, "ephemeral")
    assert "Too much is going on" in answer.json()["text"]


async def test_says_that_it_is_busy_to_a_button() -> None:
    """Slack shows nothing of such an acknowledgement, so it comes by the response_url."""
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
    assert "Too much is going on" in text


async def test_keeps_a_form_that_comes_when_it_is_busy() -> None:
    """The words stand under the first field, and what was typed can be submitted again."""
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
    assert "Too much is going on" in answer.json()["errors"]["name"]


async def test_one_users_many_leave_room_for_another() -> None:
    """A user who sends a hundred commands gets the error; others do not."""
    gate = Gate()
    limits = QueueLimits(running=3, waiting=10, each_running=2, each_waiting=3)
    async with open_dispatch(DispatchSetup(gate.heard, BackgroundTasks(limits))) as harness:
        ada = sample_requests.command("wait", harness.response_url())
        hundred = [await harness.poster.command(ada) for _ in range(100)]
        grace = await harness.poster.command(ada | {"user_id": "U0GRACE"})
        async with asyncio.timeout(5):
            while gate.count < 3:  # noqa: ASYNC110 - what has begun is counted
                await asyncio.sleep(0.01)
        gate.open.set()
    assert [len(answer.text) > 0 for answer in hundred] == [False] * 5 + [True] * 95
    assert (grace.status_code, grace.text) == (200, "")


async def test_says_that_it_is_busy_to_a_form_without_fields() -> None:
    """In the modal itself."""
    gate = Gate()
    async with open_dispatch(
        DispatchSetup(gate.heard, BackgroundTasks(QueueLimits(running=1, waiting=0)))
    ) as harness:
        await fill(harness, gate)
        answer = await harness.poster.interaction(sample_requests.view_submission("wait.form", {}))
        gate.open.set()
    assert answer.json()["response_action"] == "update"
    assert "Too much is going on" in json.dumps(answer.json()["view"])
