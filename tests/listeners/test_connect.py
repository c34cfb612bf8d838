"""/emporix connect — an API key is tested before it is saved; errors appear under the field."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from bot.domain.accounts import Caller
from bot.store.accounts import AccountStore
from bot.store.encryption import AccountEncryption
from sandbox.emporix.faults import Fault
from sandbox.emporix.keys import (
    ACME_NO_JOBS,
    ACME_OPERATIONS,
    ACME_READ_ONLY,
    GLOBEX_OPERATIONS,
    MANAGE,
    READ,
    RUN,
    Key,
)
from sandbox.slack.directory import ADA, TEAM_ID
from tests.harness.app import AppHarness, open_app
from tests.harness.clock import FakeClock
from tests.listeners.jobs.fixtures import add_jobs, job_id


async def test_opens_a_form(harness: AppHarness, snapshot: SnapshotAssertion) -> None:
    """The form names the required scopes and says that the secret is visible."""
    exchange = await harness.ada.command("/emporix connect acme")
    assert exchange.payloads[0]["view"] == snapshot
    assert exchange.view is not None


async def test_connects(harness: AppHarness, snapshot: SnapshotAssertion) -> None:
    """A valid API key is saved, and the modal says what it allows."""
    exchange = await harness.connect(harness.ada, ACME_OPERATIONS)
    assert exchange.payloads == snapshot
    assert "acme" in str(await harness.ada.command("/emporix tenants"))


async def test_keeps_a_token_that_may_only_read(harness: AppHarness) -> None:
    """Both scopes are requested to detect the key's rights, but the stored token is read-only."""
    await harness.connect(harness.ada, ACME_OPERATIONS)
    assert harness.emporix_state.tokens.asked == [{READ, MANAGE}, {READ}]
    account = await AccountStore(harness.redis, AccountEncryption(harness.cipher)).load(
        Caller(TEAM_ID, ADA.id)
    )
    held = account.connections["acme"]
    assert held.can_delete
    assert held.token
    assert held.token.scopes == {READ}


async def test_requests_scopes_for_actions_only_if_they_are_allowed(
    harness: AppHarness, snapshot: SnapshotAssertion
) -> None:
    """The box in the form adds the scope for runs, which the stored token doesn't get."""
    exchange = await harness.connect(harness.ada, ACME_OPERATIONS, with_actions=True)
    assert exchange.payloads == snapshot
    assert harness.emporix_state.tokens.asked == [{READ, MANAGE, RUN}, {READ}]
    account = await AccountStore(harness.redis, AccountEncryption(harness.cipher)).load(
        Caller(TEAM_ID, ADA.id)
    )
    assert account.may(RUN, "acme")
    assert account.may(MANAGE, "acme")
    assert not account.may(RUN, "globex")
    token = account.connections["acme"].token
    assert token
    assert token.scopes == {READ}
    assert "with agent actions" in str(await harness.ada.command("/emporix audit"))


async def test_allows_no_actions_by_itself(connected: AppHarness) -> None:
    """Without the box, a key that has the scopes allows no agent action."""
    account = await AccountStore(connected.redis, AccountEncryption(connected.cipher)).load(
        Caller(TEAM_ID, ADA.id)
    )
    assert account.connections["acme"].can_delete
    assert not account.may(RUN, "acme")
    assert not account.may(MANAGE, "acme")


async def test_says_which_actions_a_key_lacks(
    harness: AppHarness, snapshot: SnapshotAssertion
) -> None:
    """If the key lacks a scope for agent actions, the modal names it."""
    exchange = await harness.connect(harness.ada, ACME_READ_ONLY, with_actions=True)
    assert exchange.payloads[-1] == snapshot


async def test_the_operator_can_turn_actions_off(
    redis: Any, redis_url: str, clock: FakeClock
) -> None:
    """With AGENT_ACTIONS=off, the form doesn't offer them."""
    async with open_app(redis, redis_url, clock, agent_actions="off") as harness:
        exchange = await harness.ada.command("/emporix connect acme")
        assert "agent actions" not in str(exchange.view).lower()


async def test_asks_once_for_a_key_that_may_only_read(harness: AppHarness) -> None:
    """A read-only key needs one token request."""
    await harness.connect(harness.ada, ACME_READ_ONLY)
    assert harness.emporix_state.tokens.asked == [{READ, MANAGE}]


async def test_only_deletes_ask_for_more(connected: AppHarness) -> None:
    """Reads and scheduled tasks never use a token that can change agents."""
    add_jobs(connected, 3)
    connected.emporix_state.tokens.asked.clear()
    connected.emporix_state.tokens.expire()
    for command in ("jobs list", "jobs search late", "alerts on failed", f"jobs get {job_id(1)}"):
        await connected.ada.command(f"/emporix {command}")
    await connected.ada.open_home()
    await connected.worker.work_until(connected.clock() + 120, step=5.0)
    assert set(connected.emporix_state.tokens.asked) == {frozenset({READ})}
    await connected.ada.command(f"/emporix jobs delete {job_id(1)}")
    await connected.ada.click("Delete")
    assert connected.emporix_state.tokens.asked[-1] == {READ, MANAGE}
    assert len(connected.emporix_state.jobs("acme")) == 2


async def test_says_that_a_key_is_read_only(
    harness: AppHarness, snapshot: SnapshotAssertion
) -> None:
    """Without ai.agent_manage the connection is read-only."""
    exchange = await harness.connect(harness.ada, ACME_READ_ONLY)
    assert exchange.payloads == snapshot


@pytest.mark.parametrize(
    ("key", "tenant", "fields"),
    [
        (replace(ACME_OPERATIONS, client_id="wrong"), "acme", {"client_id", "client_secret"}),
        (replace(ACME_OPERATIONS, client_secret="wrong"), "acme", {"client_id", "client_secret"}),
        (GLOBEX_OPERATIONS, "acme", {"tenant"}),
        (ACME_OPERATIONS, "../acme", {"tenant"}),
        (ACME_NO_JOBS, "acme", {"client_id"}),
    ],
    ids=["wrong id", "wrong secret", "another tenant's key", "no tenant name", "no read scope"],
)
async def test_shows_errors_under_their_fields(
    harness: AppHarness, key: Key, tenant: str, fields: set[str], snapshot: SnapshotAssertion
) -> None:
    """An error appears under its field, the form stays filled in, and nothing is saved."""
    exchange = await harness.connect(harness.ada, key, tenant)
    assert set(exchange.field_errors) == fields
    assert exchange.field_errors == snapshot
    assert exchange.view is not None
    assert await harness.redis.keys("*account") == []


async def test_says_that_emporix_is_down(harness: AppHarness, snapshot: SnapshotAssertion) -> None:
    """If Emporix is down, the form stays, to be submitted again."""
    harness.emporix_state.faults.add(Fault("status", times=3, path="/oauth/token", status=503))
    exchange = await harness.connect(harness.ada, ACME_OPERATIONS)
    assert exchange.field_errors == snapshot
    again = await harness.ada.submit({})
    assert again.field_errors == {}


async def test_shows_progress_if_emporix_is_slow(
    harness: AppHarness, snapshot: SnapshotAssertion
) -> None:
    """After 2 s the modal shows "Checking…", and then the result."""
    harness.emporix_state.faults.add(Fault("delay", path="/oauth/token", seconds=2.4))
    exchange = await harness.connect(harness.ada, ACME_OPERATIONS)
    assert [sent["via"] for sent in exchange.sent] == ["ack", "views.update"]
    assert [payload["view"]["blocks"] for payload in exchange.payloads] == snapshot


async def test_asks_again_when_a_slow_emporix_says_no(
    harness: AppHarness, snapshot: SnapshotAssertion
) -> None:
    """After a slow refusal, the form reappears with the reason and all values but the secret."""
    harness.emporix_state.faults.add(Fault("delay", path="/oauth/token", seconds=2.4))
    exchange = await harness.connect(harness.ada, replace(ACME_OPERATIONS, client_secret="wrong"))
    assert exchange.payloads[-1]["view"] == snapshot
    assert "wrong" not in json.dumps(exchange.payloads)


@pytest.mark.parametrize("typed", ["acme my-id my-secret", "S3CR3T/very+long="])
async def test_refuses_a_secret_in_a_command(
    harness: AppHarness, typed: str, snapshot: SnapshotAssertion
) -> None:
    """A possible secret in the command is refused with advice to rotate it, and never repeated."""
    exchange = await harness.ada.command(f"/emporix connect {typed}")
    assert exchange.payloads == snapshot
    assert "my-secret" not in json.dumps(exchange.payloads)
    assert "S3CR3T" not in json.dumps(exchange.payloads)


async def test_replaces_a_connection(harness: AppHarness) -> None:
    """Connecting again replaces the previous API key."""
    await harness.connect(harness.ada, ACME_READ_ONLY)
    await harness.connect(harness.ada, ACME_OPERATIONS)
    tenants = await harness.ada.command("/emporix tenants")
    assert "Read and delete" in json.dumps(tenants.payloads)


async def test_can_be_begun_with_a_button(harness: AppHarness) -> None:
    """A user without a connection can open the form with a button."""
    await harness.grace.command("/emporix jobs list")
    exchange = await harness.grace.click("Connect")
    assert exchange.view is not None
    assert exchange.view["callback_id"] == "connect.submit"
