"""Connecting with unusable keys, and ownership of scheduled work."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis

from bot.domain.accounts import (
    DELETE_SCOPE,
    READ_SCOPE,
    RUN_SCOPE,
    Account,
    Caller,
    Connection,
    Credentials,
)
from bot.domain.alerts import Alert
from bot.domain.conditions import Watermark
from bot.domain.digests import Digest, Schedule
from bot.domain.filters import Filters
from bot.emporix.client import EmporixClient
from bot.emporix.http import http_client
from bot.errors import ConnectRefused, NotConnected
from bot.services.accounts import AccountService, run_as
from bot.store.accounts import AccountStore, TokenStore
from bot.store.encryption import AccountEncryption, Cipher, new_key, parse_keys
from tests.emporix.fakes import NOW
from tests.emporix.scripted import reply, scripted

GRACE = Caller("T0DEMO", "U0GRACE")


@pytest.mark.parametrize(
    ("code", "reason"), [("invalid_client", "credentials"), ("invalid_scope", "no_read_scope")]
)
async def test_a_refused_key_is_explained(code: str, reason: str, redis: Redis) -> None:
    """A key refused by the token endpoint raises another error than a key without the scopes."""
    records = AccountEncryption(Cipher(parse_keys(new_key())))
    async with (
        scripted(reply({"error": code}, status=400)) as server,
        http_client(server.url) as http,
    ):
        emporix = EmporixClient(http, TokenStore(redis, records), lambda: NOW)
        accounts = AccountService(AccountStore(redis, records), emporix, lambda: NOW)
        with pytest.raises(ConnectRefused) as caught:
            await accounts.connect(GRACE, "acme", Credentials("id", "secret"))
    assert caught.value.reason == reason


ACTIONS_REFUSED = reply({"error": "invalid_scope"}, status=400)


@pytest.mark.parametrize(
    ("refusals", "granted", "allowed"),
    [
        (0, "ai.agent_read ai.agent_manage ai.agentexecution_manage", (True, True)),
        (0, "ai.agent_read ai.agentexecution_manage", (True, False)),
        (1, "ai.agent_read ai.agentexecution_manage", (True, False)),
        (2, "ai.agent_read ai.agent_manage", (False, True)),
        (0, "ai.agent_read", (False, False)),
    ],
)
async def test_scopes_of_actions_are_optional(
    refusals: int, granted: str, allowed: tuple[bool, bool], redis: Redis
) -> None:
    """A token endpoint may leave out scopes that the key lacks, or refuse them one by one."""
    records = AccountEncryption(Cipher(parse_keys(new_key())))
    wide = {"access_token": "wide", "expires_in": 60, "scope": granted}
    read = {"access_token": "read", "expires_in": 60, "scope": "ai.agent_read"}
    narrower = [reply(read)] if granted != "ai.agent_read" else []
    async with (
        scripted(*[ACTIONS_REFUSED] * refusals, reply(wide), *narrower, reply([])) as server,
        http_client(server.url) as http,
    ):
        emporix = EmporixClient(http, TokenStore(redis, records), lambda: NOW)
        accounts = AccountService(AccountStore(redis, records), emporix, lambda: NOW)
        key = Credentials("id", "secret")
        connection = await accounts.connect(GRACE, "acme", key, allow_actions=True)
    assert (connection.may(RUN_SCOPE), connection.may(DELETE_SCOPE)) == allowed
    assert connection.token
    assert connection.token.scopes == {READ_SCOPE}


OWNER, OTHER_OWNER = Caller("T0ACME", "U0ADA"), Caller("T0ACME", "U0GRACE")
DIGEST = Digest("d1", OWNER, "C0OPS", "Daily", Schedule(540, "UTC", (0,)), "acme")
ALERT = Alert("a1", OWNER, "C0OPS", Filters(tenant="acme"), 0.0, Watermark(0.0), 0.0)


def account(*tenants: str) -> Account:
    key = Credentials("id", "secret")
    return Account(
        OTHER_OWNER, {name: Connection(OTHER_OWNER, name, key, frozenset(), 0) for name in tenants}
    )


@pytest.mark.parametrize("record", [DIGEST, ALERT], ids=["digest", "alert"])
def test_the_person_who_starts_it_becomes_its_owner(record: Digest | Alert) -> None:
    """A digest or alert belongs to the user who starts it, regardless of the owner before."""
    if isinstance(record, Digest):
        assert run_as(account("acme"), record).owner == OTHER_OWNER
    else:
        assert run_as(account("acme"), record).owner == OTHER_OWNER


@pytest.mark.parametrize("tenants", [(), ("globex",)])
def test_without_a_connection_to_its_tenant_it_does_not_start(tenants: tuple[str, ...]) -> None:
    """A connection to another tenant is not enough."""
    with pytest.raises(NotConnected):
        run_as(account(*tenants), DIGEST)
