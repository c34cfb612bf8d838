"""Clean-ups run in the background and show their progress, despite failures of Slack."""

from __future__ import annotations

from typing import Any

import pytest

from bot.store import keys as redis_keys
from sandbox.emporix.faults import Fault
from sandbox.slack import faults as slack
from tests.harness.app import AppHarness
from tests.listeners.jobs.fixtures import add_jobs

FAILED = "/emporix jobs clean failed"


@pytest.fixture
async def begun(connected: AppHarness) -> AppHarness:
    """A confirmed clean-up of three jobs, waiting for a worker."""
    add_jobs(connected, 9)
    await connected.ada.command(FAILED)
    await connected.ada.click("Delete…")
    await connected.ada.submit({"The number of jobs": "3"})
    return connected


async def told(harness: AppHarness) -> list[str]:
    """Ada's direct messages."""
    return [message["text"] for message in await harness.person("ada", "dm").messages()]


async def failed(harness: AppHarness) -> int:
    return len([job for job in harness.emporix_state.jobs("acme") if job["status"] == "failure"])


async def test_is_found_and_done(begun: AppHarness) -> None:
    """A confirmed clean-up runs to its end."""
    await begun.worker.work()
    assert await failed(begun) == 0
    assert [text.splitlines()[0] for text in await told(begun)] == [
        "🗑️ Deleted all 3 failed jobs in acme · took 0 s"
    ]


async def test_a_lost_task_is_queued_again(begun: AppHarness) -> None:
    """If the queue lost the task, the clean-up resumes after a minute."""
    await begun.redis.zadd(redis_keys.cleanups_due(), {"cursor-1": begun.clock() + 60})
    await begun.worker.work()
    assert await failed(begun) == 3
    begun.clock.forward(61)
    await begun.worker.work()
    assert await failed(begun) == 0


async def test_deletes_do_not_wait_for_slack(
    begun: AppHarness, caplog: pytest.LogCaptureFixture
) -> None:
    """Failed progress messages don't delay deletes; the report is retried until it arrives."""
    begun.workspace.faults.add(slack.Fault("status", 9, method="chat.postMessage", status=500))
    await begun.worker.work()
    assert await failed(begun) == 0
    assert await told(begun) == []
    assert "could not show the progress" in caplog.text
    begun.workspace.faults.clear()
    begun.clock.forward(200)
    await begun.worker.work()
    assert "· took" in (await told(begun))[0]
    assert begun.worker.waiting == []


async def test_a_deleted_message_is_replaced(begun: AppHarness) -> None:
    """A user who deleted the progress message still gets the report."""
    begun.emporix_state.faults.add(Fault("rate_limit", times=9, method="DELETE", retry_after=60))
    await begun.worker.work()
    direct = begun.person("ada", "dm")
    (message,) = await direct.messages()
    found = begun.workspace.messages.find(message["channel"], message["ts"])
    assert found
    begun.workspace.messages.delete(found)
    begun.emporix_state.faults.clear()
    for _ in range(8):
        begun.clock.forward(10)
        await begun.worker.work()
    assert "· took" in (await told(begun))[0]


async def test_a_forgotten_one_is_let_go(begun: AppHarness) -> None:
    """A clean-up whose record is gone is dropped."""
    await begun.redis.delete(redis_keys.cleanup("cursor-1"))
    await begun.worker.work()
    assert begun.worker.waiting == []
    left: Any = await begun.redis.zrange(redis_keys.cleanups_due(), 0, -1)
    assert left == []
    assert await failed(begun) == 3
