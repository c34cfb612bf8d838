"""Each error is shown to the user, without internals of the app."""

from __future__ import annotations

import json
import re

import pytest

from bot.domain.accounts import Caller
from bot.store import keys as redis_keys
from sandbox.emporix.keys import ACME_OPERATIONS
from sandbox.slack.directory import ADA, TEAM_ID
from sandbox.slack.faults import Fault
from tests.harness.app import AppHarness
from tests.harness.logs import log_to_stderr


def events(written: str, level: str) -> list[dict[str, str]]:
    lines = [json.loads(line) for line in written.splitlines() if line.startswith("{")]
    return [line for line in lines if line["level"] == level]


async def test_a_stranger_gets_a_reference(
    connected: AppHarness, capsys: pytest.CaptureFixture[str]
) -> None:
    """An unexpected error is a short message whose reference is in the log."""
    entry = {"event": "job.deleted", "user_id": ADA.id, "tenant": "acme", "result": "done"}
    damaged = {**entry, "count": "damaged by hand"}
    await connected.redis.xadd(redis_keys.audit(Caller(TEAM_ID, ADA.id)), damaged)
    with log_to_stderr():
        exchange = await connected.ada.command("/emporix audit")
    (message,) = exchange.payloads
    assert "Traceback" not in json.dumps(message)
    assert "damaged" not in json.dumps(message)
    (reference,) = re.findall(r"reference `(\w+)`", message["text"])
    (logged,) = events(capsys.readouterr().err, "error")
    assert logged["reference"] == reference
    assert "ValueError" in logged["exception"]


async def test_a_form_that_cannot_open_is_explained(
    harness: AppHarness, capsys: pytest.CaptureFixture[str]
) -> None:
    """If a modal can't be opened, the answer is a message."""
    harness.workspace.faults.add(Fault("status", method="views.open"))
    with log_to_stderr():
        exchange = await harness.ada.command("/emporix connect")
    assert [sent["via"] for sent in exchange.sent] == ["response_url"]
    assert "Slack had a problem" in exchange.payloads[0]["text"]
    assert "Slack answered internal_error" in capsys.readouterr().err


async def test_a_form_is_not_waited_for(harness: AppHarness) -> None:
    """A rate limit on opening a modal is not retried; the user is asked to click again."""
    harness.workspace.faults.add(Fault("rate_limit", method="views.open", retry_after=1))
    exchange = await harness.ada.command("/emporix connect")
    assert "Click the button or run the command again" in exchange.payloads[-1]["text"]
    assert exchange.view is None


async def test_an_open_modal_shows_the_error(harness: AppHarness) -> None:
    """A user with an open modal sees the error there."""
    await harness.ada.command("/emporix connect")
    await harness.redis.set(redis_keys.account(Caller(TEAM_ID, ADA.id)), "not a hash")
    exchange = await harness.ada.submit(
        {
            "Tenant": "acme",
            "Client ID": ACME_OPERATIONS.client_id,
            "Client secret": ACME_OPERATIONS.client_secret,
        }
    )
    assert "The app can't save anything" in exchange.field_errors["actions"]


@pytest.mark.parametrize("kind", ["html", "status", "cut_before"])
async def test_when_slack_is_down_the_log_says_so(
    harness: AppHarness, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    """If Slack is down, the log has one line without a traceback."""
    harness.workspace.faults.add(Fault(kind, times=99))  # type: ignore[arg-type]
    with log_to_stderr():
        exchange = await harness.ada.command("/emporix tenants")
    assert exchange.ack_status == 200
    written = capsys.readouterr().err
    assert "could not answer the user" in written
    assert "Traceback" not in written
    assert (await harness.http.get(f"{harness.bot_url}/healthz")).json()["running"] == 0
