"""/emporix audit — recent changes, for workspace administrators."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from bot.domain.accounts import Caller
from bot.domain.audit import AuditEntry
from bot.errors import MAY_HAVE_WORKED, NOT_DONE
from bot.rendering.buttons import AUDIT_STOP, CleanupButton
from bot.rendering.renderer import Renderer
from bot.store.audit import AuditLog
from sandbox.emporix.keys import ACME_OPERATIONS, ACME_READ_ONLY
from tests.harness import sample_requests
from tests.harness.app import AppHarness
from tests.harness.signed_requests import Poster
from tests.listeners.jobs.fixtures import add_jobs, job_id

RENDERER = Renderer.default()
GRACE = Caller("T0ACME", "U0GRACE")
DATE = re.compile(r"<!date\^\d+\^[^>]*>")  # Redis uses its own clock


def _undated(payloads: Sequence[Mapping[str, Any]]) -> Any:
    return json.loads(DATE.sub("DATE", json.dumps(payloads)))


async def test_shows_who_deleted_what(connected: AppHarness, snapshot: SnapshotAssertion) -> None:
    """Deletes and refused deletes are shown newest first, in words, only to the administrator."""
    add_jobs(connected, 2)
    await connected.connect(connected.grace, ACME_READ_ONLY)
    for person, number in ((connected.ada, 1), (connected.grace, 2)):
        await person.command(f"/emporix jobs delete {job_id(number)}")
        await person.click("Delete")
    exchange = await connected.ada.command("/emporix audit")
    assert _undated(exchange.payloads) == snapshot


async def test_shows_the_last_twenty(connected: AppHarness) -> None:
    """Older entries stay in the log, but not in the message."""
    log = AuditLog(connected.redis)
    for number in range(25):
        await log.record_delete(GRACE, "acme", job_id(number), "deleted")
    exchange = await connected.ada.command("/emporix audit")
    shown = json.dumps(exchange.payloads)
    assert exchange.payloads[0]["text"].startswith("*The last 20 entries of the audit log*")
    assert job_id(24) in shown
    assert job_id(5) in shown
    assert job_id(4) not in shown


async def test_says_that_nothing_was_deleted(
    connected: AppHarness, snapshot: SnapshotAssertion
) -> None:
    """An empty log is not an error."""
    exchange = await connected.ada.command("/emporix audit")
    assert _undated(exchange.payloads) == snapshot


async def test_is_for_administrators(connected: AppHarness, snapshot: SnapshotAssertion) -> None:
    """Other users see only whom to ask."""
    await AuditLog(connected.redis).record_delete(GRACE, "acme", job_id(1), "deleted")
    exchange = await connected.grace.command("/emporix audit")
    assert _undated(exchange.payloads) == snapshot


@pytest.mark.parametrize("right", ["is_admin", "is_owner", "is_primary_owner"])
async def test_each_right_of_an_administrator_is_enough(connected: AppHarness, right: str) -> None:
    """Each role of an administrator is enough, owners of the workspace included."""
    people = connected.workspace.directory.users
    with_it: dict[str, Any] = {right: True}
    without: dict[str, Any] = {right: False}
    people["U0GRACE"] = replace(people["U0GRACE"], **with_it)
    exchange = await connected.grace.command("/emporix audit")
    assert "error" not in str(exchange.payloads[0]["blocks"][0].get("block_id"))
    people["U0GRACE"] = replace(people["U0GRACE"], **without)
    exchange = await connected.grace.command("/emporix audit")
    assert exchange.payloads[0]["blocks"][0]["block_id"].startswith("error.")


async def test_an_administrator_stops_a_clean_up(
    connected: AppHarness, snapshot: SnapshotAssertion
) -> None:
    """A running clean-up has a Stop button, and its owner is informed who stopped it."""
    await connected.connect(connected.grace, ACME_OPERATIONS)
    add_jobs(connected, 3)
    await connected.grace.command("/emporix jobs clean failed")
    await connected.grace.click("Delete…")
    await connected.grace.submit({"The number of jobs": "1"})
    exchange = await connected.ada.command("/emporix audit")
    assert _undated(exchange.payloads) == snapshot(name="under way")
    exchange = await connected.ada.click("Stop")
    assert _undated(exchange.payloads) == snapshot(name="stopping")
    await connected.worker.work()
    assert len(connected.emporix_state.jobs("acme")) == 3
    (message,) = await connected.person("grace", "dm").messages()
    assert "<@U0ADA>, an administrator of this workspace, stopped it" in str(message["blocks"])
    exchange = await connected.ada.click("Stop")
    assert "already ended" in exchange.payloads[0]["text"]


async def test_only_an_administrator_stops_it(connected: AppHarness) -> None:
    """The Stop button does nothing for other users."""
    add_jobs(connected, 3)
    await connected.ada.command("/emporix jobs clean failed")
    await connected.ada.click("Delete…")
    await connected.ada.submit({"The number of jobs": "1"})
    poster = Poster(
        connected.http, connected.bot_url, connected.workspace.signing_secret, connected.clock
    )
    url = connected.slack_url + connected.workspace.response_urls.new("U0GRACE", "C0GENERAL")
    pressed = sample_requests.block_actions(
        AUDIT_STOP, CleanupButton(clean_id="cursor-1").value, url
    )
    pressed["user"]["id"] = "U0GRACE"
    await poster.interaction(pressed)
    await poster.settled()
    await connected.worker.work()
    assert len(connected.emporix_state.jobs("acme")) == 2


@pytest.mark.parametrize("result", sorted(MAY_HAVE_WORKED | NOT_DONE))
def test_an_unknown_result_is_shown_as_unknown(result: str) -> None:
    """A delete that may have worked is never shown as failed, nor a refused one as unknown."""
    entry = AuditEntry(1, "job.deleted", "U", result, tenant="acme", subject="j")
    message = RENDERER.render("audit", entries=[entry], running=[])
    assert ("unknown" in str(message)) == (result in MAY_HAVE_WORKED)
