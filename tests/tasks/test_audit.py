"""Automatic pauses are recorded in the audit log."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bot.domain.accounts import Caller
from bot.domain.audit import AuditEntry, AuditEvent
from bot.resources import audit_log
from bot.settings import Settings
from bot.store.audit import AuditLog
from sandbox.emporix.faults import Fault
from sandbox.emporix.keys import ACME_OPERATIONS
from tests.harness.app import AppHarness
from tests.listeners.digest.fixtures import set_up

ADA = Caller("T0ACME", "U0ADA")
DAY = 86400.0
KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="


async def _by_app(harness: AppHarness) -> list[AuditEntry]:
    return [one for one in await AuditLog(harness.redis).latest(ADA, 100) if not one.user_id]


async def test_a_digest_whose_owner_has_left(connected: AppHarness) -> None:
    """A pause has one entry, by the app, with its reason and the owner."""
    await set_up(connected.person("ada", "ops"), name="Daily", chart=[])
    connected.workspace.directory.deactivate("U0ADA")
    await connected.worker.work_until(connected.clock() + 2 * DAY, step=1800)
    (entry,) = await _by_app(connected)
    assert (entry.event, entry.owner_id, entry.detail, entry.subject, entry.channel_id) == (
        "digest.paused",
        "U0ADA",
        "owner_gone",
        "Daily",
        "C0OPS",
    )


async def test_a_digest_whose_key_does_not_work(connected: AppHarness) -> None:
    """A digest that pauses has one entry, and none for the failures before."""
    await set_up(connected.person("ada", "ops"), name="Daily", chart=[])
    connected.emporix_state.revoke(ACME_OPERATIONS)
    await connected.worker.work_until(connected.clock() + 6 * DAY, step=1800)
    assert [(e.event, e.detail) for e in await _by_app(connected)] == [
        ("digest.paused", "connection")
    ]


@pytest.mark.parametrize("refuses", ["slack", "emporix", "key"])
async def test_an_alert_that_cannot_go_on(connected: AppHarness, refuses: str) -> None:
    """An alert that pauses has one entry, whatever the reason."""
    ada = connected.person("ada", "ops")
    await ada.command("/emporix alerts on q:status:FAILURE")
    match refuses:
        case "slack":
            await ada.share_channel()
        case "emporix":
            connected.emporix_state.faults.add(Fault("status", status=400, path="/jobs"))
        case _:
            connected.emporix_state.revoke(ACME_OPERATIONS)
    connected.emporix_state.add_job("acme", id="job-1", status="failure", message="Failed.")
    await connected.worker.work_until(connected.clock() + 900, step=5.0)
    (entry,) = await _by_app(connected)
    assert (entry.event, entry.owner_id, entry.channel_id) == ("alert.paused", "U0ADA", "C0OPS")
    assert entry.detail


@pytest.mark.parametrize("is_on", [True, False])
async def test_lines_are_written_where_the_operator_wants_them(
    redis: Any, capsys: pytest.CaptureFixture[str], is_on: bool
) -> None:
    """LOG_AUDIT writes each entry to standard output as a line of JSON; the default is off."""
    settings = _settings(log_audit=is_on)
    await audit_log(settings, redis).record(AuditEvent.AUDIT_READ, ADA, "done")
    lines = capsys.readouterr().out.splitlines()
    assert [json.loads(line)["event"] for line in lines] == ["audit.read"] * is_on


def _settings(**changes: Any) -> Settings:
    return Settings(
        slack_bot_token="xoxb-1",
        slack_signing_secret="0" * 32,
        redis_url="redis://localhost",
        encryption_keys=KEY,
        **changes,
    )
