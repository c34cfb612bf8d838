"""Nothing is posted in a channel that outsiders join while the post is prepared."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from redis import Redis

from bot.store import keys as redis_keys
from sandbox.emporix.keys import ACME_OPERATIONS, ACME_READ_ONLY
from sandbox.emporix.state import RecordedRequest
from tests.harness.app import AppHarness, open_app
from tests.harness.clock import FakeClock
from tests.listeners.digest.fixtures import set_up

OPS = "C0OPS"
RUNNING = "68835cc3ef4e8e1425c30001"

Flow = Callable[[AppHarness], Awaitable[None]]


class Opening(deque[RecordedRequest]):
    """The requests to Emporix; `happens` is called during the `number`-th one."""

    def __init__(self, number: int, happens: Callable[[], None]) -> None:
        super().__init__()
        self._number, self._happens = number, happens

    def append(self, seen: RecordedRequest) -> None:
        super().append(seen)
        if len(self) == self._number:
            self._happens()


async def later(harness: AppHarness, seconds: float) -> None:
    await harness.worker.work_until(harness.clock() + seconds, step=5.0)


def fail(harness: AppHarness, number: int, message: str = "Order 1{} could not be found.") -> None:
    harness.emporix_state.add_job(
        "acme", id=f"job-{number}", status="failure", message=message.format(number)
    )


async def digest_is_due(harness: AppHarness) -> None:
    """A digest with a thread and a chart."""
    harness.clock.forward(-DAYS)
    for number in range(60):
        fail(harness, number, f"Fault of the kind {chr(97 + number % 26) * 9} {{}}")
        harness.clock.forward(DAYS / 60)
    ops = harness.person("ada", "ops")
    await set_up(ops)
    await ops.command("/emporix digest now")
    harness.clock.forward(1)


async def alert_has_news(harness: AppHarness) -> None:
    await harness.person("ada", "ops").command("/emporix alerts on")
    fail(harness, 1)


async def alert_has_repeats(harness: AppHarness) -> None:
    """An alert with a repeat, which updates a message and its thread."""
    await alert_has_news(harness)
    await later(harness, 120)
    fail(harness, 2)


async def watched_job_ends(harness: AppHarness) -> None:
    """A watched job in a shared message that will be updated."""
    ada, grace = harness.person("ada", "ops"), harness.person("grace", "ops")
    harness.emporix_state.add_job("acme", id=RUNNING, status="in_progress")
    await harness.connect(grace, ACME_READ_ONLY)
    await ada.command(f"/emporix jobs get {RUNNING}")
    await ada.click(action_id="jobs.share.ask")
    await ada.click("Share")
    await grace.click("Watch")
    harness.emporix_state.add_job("acme", id=RUNNING, status="failure", message="No such order.")


async def snooze_ends(harness: AppHarness) -> None:
    """A snooze, whose end is posted with the number of failures meanwhile."""
    await alert_has_news(harness)
    await later(harness, 120)
    await harness.person("grace", "ops").click("Snooze for 1 hour")
    fail(harness, 2)
    await harness.worker.work_until(harness.clock() + 3450, step=345)


async def agent_recovers(harness: AppHarness) -> None:
    """An agent that succeeds after a failure, which the alert's message shows."""
    await alert_has_news(harness)
    await later(harness, 120)
    harness.emporix_state.add_job("acme")


async def stuck_job_ends(harness: AppHarness) -> None:
    """A stuck job whose end the alert's message shows."""
    await harness.person("ada", "ops").command("/emporix alerts on stuck:1m")
    harness.emporix_state.add_job("acme", id=RUNNING, status="in_progress")
    await harness.worker.work_until(harness.clock() + 300, step=50)
    harness.emporix_state.add_job("acme", id=RUNNING, status="failure")


DAYS = 14 * 86400.0
FLOWS: list[Flow] = [
    digest_is_due,
    alert_has_news,
    alert_has_repeats,
    watched_job_ends,
    snooze_ends,
    agent_recovers,
    stuck_job_ends,
]


@pytest.mark.parametrize("flow", FLOWS, ids=lambda flow: flow.__name__)
async def test_new_readers_see_nothing(redis: Any, redis_url: str, flow: Flow) -> None:
    """Nothing is posted if outsiders join the channel during any of the calls to Emporix."""
    calls, before, after = await run(redis, redis_url, flow, 0)
    assert after != before  # nobody came: it is shown
    for number in sorted({1, 2, 3, calls} & {*range(1, calls + 1)}):
        _, before, after = await run(redis, redis_url, flow, number)
        assert after == before, f"opened during call {number} of {calls}"


async def run(redis: Any, redis_url: str, flow: Flow, number: int) -> tuple[int, str, str]:
    """How many calls there were, and what the channel showed when it was opened (call 0: at the
    beginning) and at the end."""
    await redis.flushall()
    clock = FakeClock()
    async with open_app(redis, redis_url, clock) as harness:
        await harness.connect(harness.ada, ACME_OPERATIONS)
        await flow(harness)
        shown = [in_channel(harness)]

        def opened() -> None:
            """Report a change of the channel while a call is running."""
            harness.workspace.directory.share(OPS)
            with Redis.from_url(redis_url) as client:
                client.delete(redis_keys.audience(OPS))
            shown[0] = in_channel(harness)

        harness.emporix_state.requests = seen = Opening(number, opened)
        await later(harness, 200)
        return len(seen), shown[0], in_channel(harness)


def in_channel(harness: AppHarness) -> str:
    """The messages and files that everyone in the channel sees."""
    messages = [one.as_json() for one in harness.workspace.messages.of_channel(OPS)]
    files = [file.title for file in harness.workspace.files.seen_in({OPS})]
    return json.dumps([messages, files])
