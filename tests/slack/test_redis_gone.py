"""While Redis is down, users are informed at once, and the app recovers by itself."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bot.domain.accounts import Caller
from bot.domain.audit import AuditEvent
from bot.store.audit import AuditLog
from bot.store.connection import connect
from sandbox.emporix.faults import Fault
from sandbox.emporix.keys import ACME_OPERATIONS
from sandbox.redis_server import redis_server
from sandbox.slack.directory import ADA, TEAM_ID
from tests.harness.app import open_app
from tests.harness.clock import FakeClock
from tests.listeners.jobs.fixtures import add_jobs, job_id

GONE = "can't be read right now"
FILLED_IN = {
    "Tenant": ACME_OPERATIONS.tenant,
    "Client ID": ACME_OPERATIONS.client_id,
    "Client secret": ACME_OPERATIONS.client_secret,
}
NOT_STORED = "The app can't save anything right now. Submit again in a minute."


async def test_works_without_a_store_as_far_as_it_can(clock: FakeClock) -> None:
    """Without Redis, acks and help work, and all other requests explain the problem."""
    async with open_app(None, "unix:///nowhere/redis.sock", clock) as harness:
        helped, listed = [await harness.ada.command(f"/emporix {w}") for w in ("help", "jobs")]
        assert (helped.ack_status, listed.ack_status) == (200, 200)
        assert [sent["via"] for sent in helped.sent] == ["ack"]
        assert GONE in listed.payloads[0]["text"]


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory whose path is short enough for a socket."""
    with tempfile.TemporaryDirectory(prefix="emporix-gone-") as folder:
        yield Path(folder)


@contextmanager
def redis_at(place: Path) -> Iterator[None]:
    """A server at a fixed address that keeps its data between starts."""
    link = place / "redis.sock"
    with redis_server(place / "data") as url:
        link.symlink_to(url.removeprefix("unix://"))
        try:
            yield
        finally:
            link.unlink()


async def test_works_again_when_redis_is_back(clock: FakeClock, place: Path) -> None:
    """When Redis is back, the app works without a restart, and connections are kept."""
    async with open_app(None, f"unix://{place}/redis.sock", clock) as harness:
        with redis_at(place):
            await harness.connect(harness.ada, ACME_OPERATIONS)
            await harness.ada.command("/emporix jobs status:failed")
            await harness.grace.command("/emporix connect")
        pressed = await harness.ada.click("Show all")
        gone = await harness.ada.command("/emporix jobs")
        form = await harness.grace.submit(FILLED_IN)
        with redis_at(place):
            back = await harness.ada.command("/emporix jobs")
    assert (gone.ack_status, pressed.ack_status) == (200, 200)
    assert GONE in gone.payloads[0]["text"]
    assert GONE in pressed.payloads[0]["text"]
    assert form.field_errors == {"actions": NOT_STORED}
    assert back.payloads[0]["text"].startswith("No jobs.")


async def test_the_home_says_so_too(clock: FakeClock, place: Path) -> None:
    """The Home tab shows the error with a button to refresh."""
    async with open_app(None, f"unix://{place}/redis.sock", clock) as harness:
        with redis_at(place):
            await harness.connect(harness.ada, ACME_OPERATIONS)
            await harness.ada.open_home()
        gone = await harness.ada.open_home()
        with redis_at(place):
            back = await harness.ada.click("Refresh", at_home=True)
    assert gone.home is not None
    assert back.home is not None
    assert [block["type"] for block in gone.home["blocks"]] == ["section", "divider", "actions"]
    assert GONE in gone.home["blocks"][0]["text"]["text"]
    assert back.home["blocks"][0]["type"] == "header"


async def until_begun(place: Path) -> None:
    """Wait until the audit log says that Ada's delete has started."""
    async with connect(f"unix://{place}/redis.sock") as redis, asyncio.timeout(10):
        while True:
            (entry,) = await AuditLog(redis).latest(Caller(TEAM_ID, ADA.id), 1)
            if entry.event == AuditEvent.JOB_DELETED:
                return
            await asyncio.sleep(0.01)


async def test_a_delete_is_reported_although_redis_fails(clock: FakeClock, place: Path) -> None:
    """If Redis fails during a delete, the user sees the result, and the list is unchanged."""
    async with open_app(None, f"unix://{place}/redis.sock", clock) as harness:
        ada = harness.person("ada", "ops")
        with redis_at(place):
            await harness.connect(ada, ACME_OPERATIONS)
            add_jobs(harness, 2)
            await ada.command("/emporix jobs")
            await ada.click("Share in channel")
            await ada.click("Share")
            harness.emporix_state.faults.add(Fault("delay", method="DELETE", seconds=0.5))
            pressing = asyncio.create_task(ada.click("Delete"))
            await until_begun(place)
        exchange = await pressing
    assert [job["id"] for job in harness.emporix_state.jobs("acme")] == [job_id(1)]
    assert exchange.payloads[0]["response_type"] == "ephemeral"
    assert "Deleted by <@U0ADA>" in exchange.payloads[0]["text"]
