"""A clean-up by real workers, one of which is killed while Emporix fails."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from bot.domain.accounts import Caller
from bot.domain.audit import AuditEvent
from bot.store.audit import AuditLog
from bot.store.encryption import new_key
from sandbox.emporix.app import create_app as create_emporix
from sandbox.emporix.faults import Fault
from sandbox.emporix.keys import ACME_OPERATIONS
from sandbox.processes import bot_process
from sandbox.server import serving
from tests.harness.app import AppHarness, open_app
from tests.harness.clock import FakeClock
from tests.listeners.jobs.fixtures import add_jobs

JOBS = 120
LONGEST = 75.0  # seconds, on a busy machine: a dead worker's lease has to expire
SLOW = Fault("delay", times=JOBS, method="DELETE", seconds=0.05)

TROUBLES = (
    Fault("cut_after", times=2, method="DELETE"),
    Fault("rate_limit", times=15, method="DELETE"),
    Fault("cut_before", times=2, method="DELETE"),
    Fault("html", times=2, method="DELETE"),
    Fault("status", times=3, method="DELETE", status=500),
    SLOW,
)


@pytest.fixture
async def process(redis: Any, redis_url: str) -> AsyncIterator[tuple[AppHarness, dict[str, str]]]:
    """Ada is connected and there are jobs. Yields the settings for workers."""
    key = new_key()
    async with AsyncExitStack() as parts:
        opened = open_app(redis, redis_url, FakeClock(time.time()), encryption_keys=key)
        harness = await parts.enter_async_context(opened)
        emporix = await parts.enter_async_context(serving(create_emporix(harness.emporix_state)))
        await harness.connect(harness.ada, ACME_OPERATIONS)
        add_jobs(harness, JOBS)
        yield (
            harness,
            {
                "SLACK_BOT_TOKEN": harness.workspace.bot_token,
                "SLACK_SIGNING_SECRET": harness.workspace.signing_secret,
                "SLACK_API_URL": f"{harness.slack_url}/api/",
                "EMPORIX_API_URL": emporix,
                "REDIS_URL": redis_url,
                "ENCRYPTION_KEYS": key,
                "LOG_LEVEL": "WARNING",
            },
        )


def deletes(harness: AppHarness) -> list[str]:
    """Return the paths of all delete requests that Emporix received."""
    return [seen.path for seen in harness.emporix_state.requests if seen.method == "DELETE"]


def there(harness: AppHarness) -> set[object]:
    return {job["id"] for job in harness.emporix_state.jobs("acme")}


async def killed_in_the_middle(harness: AppHarness, settings: dict[str, str]) -> None:
    """Kill a worker between two deletions."""
    before = len(there(harness))
    async with bot_process("worker", settings) as worker:
        while len(there(harness)) > before - 12:  # noqa: ASYNC110 - another process is watched
            await asyncio.sleep(0.01)
        worker.send_signal(signal.SIGKILL)
        await worker.wait()


async def report(harness: AppHarness) -> str:
    """Return the last text of the direct message after it has changed to the report."""
    while True:
        messages = await harness.person("ada", "dm").messages()
        if messages and "· " in messages[-1]["text"]:
            return f"{messages[-1]['text']} {messages[-1]['blocks']}"
        await asyncio.sleep(0.1)


@pytest.mark.timeout(120)
async def test_a_clean_up_survives_its_workers(process: tuple[AppHarness, dict[str, str]]) -> None:
    """Despite a kill, a pause, errors and cut connections, exactly the counted jobs are deleted."""
    harness, settings = process
    await harness.ada.command("/emporix jobs clean agent:complaint-agent")
    await harness.ada.click("Delete…")
    harness.emporix_state.add_job("acme", id="arrived")
    await harness.ada.submit({"The number of jobs": str(JOBS)})
    harness.emporix_state.faults.add(SLOW)
    async with asyncio.timeout(LONGEST):
        await killed_in_the_middle(harness, settings)
        harness.emporix_state.add_job("acme", id="arrived later")
        harness.emporix_state.faults.clear()
        for fault in TROUBLES:
            harness.emporix_state.faults.add(fault)
        async with bot_process("worker", settings), bot_process("worker", settings):
            words = await report(harness)
    assert there(harness) == {"arrived", "arrived later"}
    assert f"Deleted all {JOBS} " in words
    assert "left" not in words
    assert len(set(deletes(harness))) == JOBS
    entries = await AuditLog(harness.redis).latest(Caller("T0ACME", "U0ADA"), 10)
    (entry,) = (one for one in entries if one.event == AuditEvent.CLEANUP_STARTED)
    assert (entry.result, entry.count, entry.deleted) == ("done", JOBS, JOBS)
