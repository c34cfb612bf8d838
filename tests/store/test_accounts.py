"""Connections are kept for their owner alone, and leave nothing behind when they go."""

from __future__ import annotations

from typing import Any

from bot.keys import new_key, parse_keys
from bot.models import Filters
from bot.store import layout
from bot.store.accounts import AccountStore
from bot.store.audit import AuditLog
from bot.store.cursors import Cursor, CursorStore
from bot.store.day_counts import DayCounts
from bot.store.records import Records
from bot.store.sources import Source
from bot.store.vault import Vault
from tests.clock import FakeClock
from tests.store.fixtures import ADA, GRACE, VAULT, connection


async def test_gives_back_what_was_saved(accounts: AccountStore) -> None:
    """A connection comes back whole, with its token, and is the default one."""
    await accounts.save(connection(), default=True)
    account = await accounts.load(ADA)
    assert account.connections == {"acme": connection()}
    assert account.default_tenant == "acme"


async def test_keeps_users_apart(accounts: AccountStore) -> None:
    """What Ada connects is not Grace's."""
    await accounts.save(connection(ADA), default=True)
    assert (await accounts.load(GRACE)).connections == {}


async def test_writes_no_secret_in_the_clear(accounts: AccountStore, redis: Any) -> None:
    """Who reads Redis reads neither client id, nor secret, nor token."""
    await accounts.save(connection(), default=True)
    written = str(await redis.hgetall(layout.account(ADA)))
    assert not any(word in written for word in ("the-client-id", "the-client-secret", "token-1"))


async def test_does_not_open_what_was_copied_from_another_user(
    accounts: AccountStore, redis: Any
) -> None:
    """A record copied to another user's key does not open there."""
    await accounts.save(connection(ADA), default=True)
    await redis.copy(layout.account(ADA), layout.account(GRACE))
    assert (await accounts.load(GRACE)).connections == {}


async def test_does_not_open_what_was_copied_to_another_tenant(
    accounts: AccountStore, redis: Any
) -> None:
    """Nor does one that was copied to another tenant of the same user."""
    await accounts.save(connection(ADA), default=True)
    sealed = await redis.hget(layout.account(ADA), "connection:acme")
    await redis.hset(layout.account(ADA), "connection:globex", sealed)
    assert list((await accounts.load(ADA)).connections) == ["acme"]


async def test_keeps_what_it_cannot_open(accounts: AccountStore, redis: Any) -> None:
    """With a key missing, a connection is hidden, and is back when the key is back."""
    await accounts.save(connection(), default=True)
    elsewhere = AccountStore(redis, Records(Vault(parse_keys(new_key()))))
    assert (await elsewhere.load(ADA)).connections == {}
    assert list((await accounts.load(ADA)).connections) == ["acme"]


async def test_deletes_every_trace_but_the_audit_record(
    accounts: AccountStore, redis: Any, clock: FakeClock
) -> None:
    """After the only connection is deleted, no key of the user's is left."""
    await accounts.save(connection(), default=True)
    await CursorStore(redis, clock).save(Cursor("cursor-1", ADA, "acme", Filters()))
    await redis.set(layout.form(ADA, "form-1"), "any")
    await redis.set(layout.zone(ADA), "Europe/Berlin")
    await DayCounts(redis, VAULT).keep(Source(ADA, "acme").name, "series", {})
    await AuditLog(redis).record_delete(ADA, "acme", "job-1", "deleted")
    await accounts.delete(ADA, "acme", next_default="")
    assert await redis.keys("*") == [layout.audit(ADA)]


async def test_leaves_other_connections_alone(accounts: AccountStore, redis: Any) -> None:
    """Deleting one connection keeps the other, which becomes the default."""
    await accounts.save(connection(tenant="acme"), default=True)
    await accounts.save(connection(tenant="globex"), default=False)
    await redis.set(layout.form(ADA, "form-1"), "any")
    for tenant in ("acme", "globex"):
        await DayCounts(redis, VAULT).keep(Source(ADA, tenant).name, "series", {})
    await accounts.delete(ADA, "acme", next_default="globex")
    assert await redis.exists(layout.form(ADA, "form-1"))
    assert await redis.keys("*:days:*") == [layout.day_counts(Source(ADA, "globex").name, "series")]
    account = await accounts.load(ADA)
    assert list(account.connections) == ["globex"]
    assert account.default_tenant == "globex"


async def test_switches_the_default(accounts: AccountStore) -> None:
    """The default tenant is the one that was set last."""
    await accounts.save(connection(tenant="acme"), default=True)
    await accounts.save(connection(tenant="globex"), default=False)
    await accounts.set_default(ADA, "globex")
    assert (await accounts.load(ADA)).default_tenant == "globex"
