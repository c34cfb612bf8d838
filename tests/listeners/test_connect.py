"""/emporix connect — a key is tried before it is kept, and refused on the field it is about."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from syrupy.assertion import SnapshotAssertion

from bot.models import Caller
from bot.store.accounts import AccountStore
from bot.store.records import Records
from sandbox.emporix.faults import Fault
from sandbox.emporix.keys import (
    ACME_NO_JOBS,
    ACME_OPERATIONS,
    ACME_READ_ONLY,
    GLOBEX_OPERATIONS,
    MANAGE,
    READ,
    Key,
)
from sandbox.slack.directory import ADA, TEAM_ID
from tests.listeners.jobs.fixtures import add_jobs, job_id
from tests.shop import Shop


async def test_opens_a_form(shop: Shop, snapshot: SnapshotAssertion) -> None:
    """The form says which scopes are the least and that the secret shows while typing."""
    exchange = await shop.ada.command("/emporix connect acme")
    assert exchange.payloads[0]["view"] == snapshot
    assert exchange.view is not None


async def test_connects(shop: Shop, snapshot: SnapshotAssertion) -> None:
    """A good key is kept, and the modal says what is possible with it."""
    exchange = await shop.connect(shop.ada, ACME_OPERATIONS)
    assert exchange.payloads == snapshot
    assert "acme" in str(await shop.ada.command("/emporix tenants"))


async def test_keeps_a_token_that_may_only_read(shop: Shop) -> None:
    """Both scopes are asked for to learn what the key may do; what is stored can only read."""
    await shop.connect(shop.ada, ACME_OPERATIONS)
    assert shop.world.tokens.asked == [{READ, MANAGE}, {READ}]
    account = await AccountStore(shop.redis, Records(shop.vault)).load(Caller(TEAM_ID, ADA.id))
    held = account.connections["acme"]
    assert held.can_delete
    assert held.token
    assert held.token.scopes == {READ}


async def test_asks_once_for_a_key_that_may_only_read(shop: Shop) -> None:
    """There is nothing to leave out of its token."""
    await shop.connect(shop.ada, ACME_READ_ONLY)
    assert shop.world.tokens.asked == [{READ, MANAGE}]


async def test_only_deletes_ask_for_more(connected: Shop) -> None:
    """Neither what people read nor what runs on schedule has a token that could change agents."""
    add_jobs(connected, 3)
    connected.world.tokens.asked.clear()
    connected.world.tokens.expire()
    for command in ("jobs list", "jobs search late", "alerts on failed", f"jobs get {job_id(1)}"):
        await connected.ada.command(f"/emporix {command}")
    await connected.ada.open_home()
    await connected.worker.work_until(connected.clock() + 120, step=5.0)
    assert set(connected.world.tokens.asked) == {frozenset({READ})}
    await connected.ada.command(f"/emporix jobs delete {job_id(1)}")
    await connected.ada.click("Delete")
    assert connected.world.tokens.asked[-1] == {READ, MANAGE}
    assert len(connected.world.jobs("acme")) == 2


async def test_says_that_a_key_may_only_read(shop: Shop, snapshot: SnapshotAssertion) -> None:
    """Without ai.agent_manage the connection is read only."""
    exchange = await shop.connect(shop.ada, ACME_READ_ONLY)
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
async def test_refuses_on_the_right_field(
    shop: Shop, key: Key, tenant: str, fields: set[str], snapshot: SnapshotAssertion
) -> None:
    """What is wrong stands under its field, the form stays filled in, and nothing is stored."""
    exchange = await shop.connect(shop.ada, key, tenant)
    assert set(exchange.field_errors) == fields
    assert exchange.field_errors == snapshot
    assert exchange.view is not None
    assert await shop.redis.keys("*account") == []


async def test_says_that_emporix_is_down(shop: Shop, snapshot: SnapshotAssertion) -> None:
    """Trouble at Emporix leaves the form as it is, to be submitted again."""
    shop.world.faults.add(Fault("status", times=3, path="/oauth/token", status=503))
    exchange = await shop.connect(shop.ada, ACME_OPERATIONS)
    assert exchange.field_errors == snapshot
    again = await shop.ada.submit({})
    assert again.field_errors == {}


async def test_goes_on_in_the_modal_when_emporix_is_slow(
    shop: Shop, snapshot: SnapshotAssertion
) -> None:
    """After 2 s the modal says "Checking…", and then what came of it."""
    shop.world.faults.add(Fault("delay", path="/oauth/token", seconds=2.4))
    exchange = await shop.connect(shop.ada, ACME_OPERATIONS)
    assert [sent["via"] for sent in exchange.sent] == ["ack", "views.update"]
    assert [payload["view"]["blocks"] for payload in exchange.payloads] == snapshot


async def test_asks_again_when_a_slow_emporix_says_no(
    shop: Shop, snapshot: SnapshotAssertion
) -> None:
    """The form comes back with everything but the secret, and with the reason."""
    shop.world.faults.add(Fault("delay", path="/oauth/token", seconds=2.4))
    exchange = await shop.connect(shop.ada, replace(ACME_OPERATIONS, client_secret="wrong"))
    assert exchange.payloads[-1]["view"] == snapshot
    assert "wrong" not in json.dumps(exchange.payloads)


@pytest.mark.parametrize("typed", ["acme my-id my-secret", "S3CR3T/very+long="])
async def test_refuses_a_secret_in_a_command(
    shop: Shop, typed: str, snapshot: SnapshotAssertion
) -> None:
    """What may be a secret is refused with the advice to rotate it, and not repeated."""
    exchange = await shop.ada.command(f"/emporix connect {typed}")
    assert exchange.payloads == snapshot
    assert "my-secret" not in json.dumps(exchange.payloads)
    assert "S3CR3T" not in json.dumps(exchange.payloads)


async def test_replaces_a_connection(shop: Shop) -> None:
    """Connecting again with another key takes the place of the first."""
    await shop.connect(shop.ada, ACME_READ_ONLY)
    await shop.connect(shop.ada, ACME_OPERATIONS)
    tenants = await shop.ada.command("/emporix tenants")
    assert "Read and delete" in json.dumps(tenants.payloads)


async def test_can_be_begun_with_a_button(shop: Shop) -> None:
    """Whoever is not connected is offered the form."""
    await shop.grace.command("/emporix jobs list")
    exchange = await shop.grace.click("Connect")
    assert exchange.view is not None
    assert exchange.view["callback_id"] == "connect.submit"
