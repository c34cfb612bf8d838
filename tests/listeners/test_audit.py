"""/emporix audit — the last deletes, for administrators of the workspace."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any, cast

import pytest
from syrupy.assertion import SnapshotAssertion

from bot.models import Caller
from bot.store.audit import AuditLog
from sandbox.emporix.keys import ACME_READ_ONLY
from tests.listeners.jobs.fixtures import add_jobs, job_id
from tests.shop import Shop

GRACE = Caller("T0ACME", "U0GRACE")
DATE = re.compile(r"<!date\^\d+\^[^>]*>")  # Redis has a clock of its own


async def test_shows_who_deleted_what(connected: Shop, snapshot: SnapshotAssertion) -> None:
    """Deletes and refused ones, newest first, in words; only the administrator sees them."""
    add_jobs(connected, 2)
    await connected.connect(connected.grace, ACME_READ_ONLY)
    for person, number in ((connected.ada, 1), (connected.grace, 2)):
        await person.command(f"/emporix jobs delete {job_id(number)}")
        await person.click("Delete")
    exchange = await connected.ada.command("/emporix audit")
    assert json.loads(DATE.sub("DATE", json.dumps(exchange.payloads))) == snapshot


async def test_shows_the_last_twenty(connected: Shop) -> None:
    """What is older stays in the record, and out of the message."""
    log = AuditLog(connected.redis)
    for number in range(25):
        await log.record(GRACE, "acme", job_id(number), "deleted")
    exchange = await connected.ada.command("/emporix audit")
    shown = json.dumps(exchange.payloads)
    assert exchange.payloads[0]["text"].startswith("*The last 20 deletes*")
    assert job_id(24) in shown
    assert job_id(5) in shown
    assert job_id(4) not in shown


async def test_says_that_nothing_was_deleted(connected: Shop, snapshot: SnapshotAssertion) -> None:
    """An empty record is not an error."""
    exchange = await connected.ada.command("/emporix audit")
    assert exchange.payloads == snapshot


@pytest.mark.parametrize("flag", ["is_admin", "is_owner", "is_primary_owner"])
async def test_every_administrator_of_slacks_sees_it(connected: Shop, flag: str) -> None:
    """Each of Slack's three flags is enough."""
    await AuditLog(connected.redis).record(GRACE, "acme", job_id(1), "deleted")
    users, flags = connected.workspace.directory.users, cast("dict[str, Any]", {flag: True})
    users["U0GRACE"] = replace(users["U0GRACE"], **flags)
    exchange = await connected.grace.command("/emporix audit")
    assert job_id(1) in str(exchange.payloads)


async def test_is_for_administrators(connected: Shop, snapshot: SnapshotAssertion) -> None:
    """Others are told whom to ask, and see nothing."""
    await AuditLog(connected.redis).record(GRACE, "acme", job_id(1), "deleted")
    exchange = await connected.grace.command("/emporix audit")
    assert exchange.payloads == snapshot
