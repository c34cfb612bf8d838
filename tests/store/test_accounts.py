"""Connections belong to one user, and are deleted without remains."""

from __future__ import annotations

from typing import Any

import pytest

from bot.domain.accounts import PolledConnection, Token
from bot.domain.filters import Filters
from bot.domain.lists import ListCursor
from bot.store import keys as redis_keys
from bot.store.accounts import AccountStore, TokenStore
from bot.store.audit import AuditLog
from bot.store.digests import DailyCounts
from bot.store.encryption import AccountEncryption, Cipher, new_key, parse_keys
from bot.store.ui_state import ListStore
from tests.harness.clock import NOW, FakeClock
from tests.store.fixtures import ADA, CIPHER, GRACE, connection


async def test_loads_the_saved_connection(accounts: AccountStore) -> None:
    """A connection is loaded completely, with its token, and is the default one."""
    await accounts.save(connection(), default=True)
    account = await accounts.load(ADA)
    assert account.connections == {"acme": connection()}
    assert account.default_tenant == "acme"


async def test_keeps_users_apart(accounts: AccountStore) -> None:
    """Ada's connections are not Grace's."""
    await accounts.save(connection(ADA), default=True)
    assert (await accounts.load(GRACE)).connections == {}


async def test_writes_no_secret_in_the_clear(accounts: AccountStore, redis: Any) -> None:
    """The records in Redis show neither client id, nor secret, nor token."""
    await accounts.save(connection(), default=True)
    written = str(await redis.hgetall(redis_keys.account(ADA)))
    assert not any(word in written for word in ("the-client-id", "the-client-secret", "token-1"))


async def test_does_not_decrypt_a_record_copied_from_another_user(
    accounts: AccountStore, redis: Any
) -> None:
    """A record copied to another user's key can't be decrypted there."""
    await accounts.save(connection(ADA), default=True)
    await redis.copy(redis_keys.account(ADA), redis_keys.account(GRACE))
    assert (await accounts.load(GRACE)).connections == {}


async def test_does_not_decrypt_a_record_copied_to_another_tenant(
    accounts: AccountStore, redis: Any
) -> None:
    """A record copied to another tenant of the same user can't be decrypted there."""
    await accounts.save(connection(ADA), default=True)
    encrypted = await redis.hget(redis_keys.account(ADA), "connection:acme")
    await redis.hset(redis_keys.account(ADA), "connection:globex", encrypted)
    assert list((await accounts.load(ADA)).connections) == ["acme"]


async def test_keeps_undecryptable_connections(accounts: AccountStore, redis: Any) -> None:
    """A connection is hidden while its encryption key is missing."""
    await accounts.save(connection(), default=True)
    elsewhere = AccountStore(redis, AccountEncryption(Cipher(parse_keys(new_key()))))
    assert (await elsewhere.load(ADA)).connections == {}
    assert list((await accounts.load(ADA)).connections) == ["acme"]


async def test_deletes_every_trace_but_the_audit_record(
    accounts: AccountStore, redis: Any, clock: FakeClock
) -> None:
    """After the only connection is deleted, no key of the user's is left."""
    await accounts.save(connection(), default=True)
    await ListStore(redis, clock).save(ListCursor("cursor-1", ADA, "acme", Filters()))
    await redis.set(redis_keys.form(ADA, "form-1"), "any")
    await redis.set(redis_keys.time_zone(ADA), "Europe/Berlin")
    await DailyCounts(redis, CIPHER).save(PolledConnection(ADA, "acme").name, "series", {})
    await AuditLog(redis).record_delete(ADA, "acme", "job-1", "deleted")
    await accounts.delete(ADA, "acme", next_default="")
    assert await redis.keys("*") == [redis_keys.audit(ADA)]


async def test_leaves_other_connections_alone(accounts: AccountStore, redis: Any) -> None:
    """Deleting one connection keeps the other, which becomes the default."""
    await accounts.save(connection(tenant="acme"), default=True)
    await accounts.save(connection(tenant="globex"), default=False)
    await redis.set(redis_keys.form(ADA, "form-1"), "any")
    for tenant in ("acme", "globex"):
        await DailyCounts(redis, CIPHER).save(PolledConnection(ADA, tenant).name, "series", {})
    await accounts.delete(ADA, "acme", next_default="globex")
    assert await redis.exists(redis_keys.form(ADA, "form-1"))
    assert await redis.keys("*:daily-counts:*") == [
        redis_keys.daily_counts(PolledConnection(ADA, "globex").name, "series")
    ]
    account = await accounts.load(ADA)
    assert list(account.connections) == ["globex"]
    assert account.default_tenant == "globex"


async def test_switches_the_default(accounts: AccountStore) -> None:
    """The default tenant is the last one that was set."""
    await accounts.save(connection(tenant="acme"), default=True)
    await accounts.save(connection(tenant="globex"), default=False)
    await accounts.set_default(ADA, "globex")
    assert (await accounts.load(ADA)).default_tenant == "globex"


FRESH = Token("token-2", NOW + 7200, frozenset({"ai.agent_read"}), "acme")


async def test_loads_a_token_saved_by_another_process(
    accounts: AccountStore, tokens: TokenStore
) -> None:
    """A saved token is found beside its connection."""
    await accounts.save(connection(), default=True)
    await tokens.save(connection(), FRESH)
    assert await tokens.load(connection()) == FRESH
    assert (await accounts.load(ADA)).connections["acme"].token == FRESH


async def test_does_not_revive_a_deleted_connection(
    accounts: AccountStore, tokens: TokenStore, redis: Any
) -> None:
    """A token that arrives after its connection was deleted is not stored."""
    await accounts.save(connection(), default=True)
    await accounts.delete(ADA, "acme", next_default="")
    await tokens.save(connection(), FRESH)
    assert await redis.keys("*") == []


async def test_lets_one_refresh_at_a_time(redis: Any, records: AccountEncryption) -> None:
    """While one process requests a token, another doesn't get the lock, and knows it."""
    another = TokenStore(redis, records, wait_seconds=0)
    async with (
        TokenStore(redis, records).lock(connection()) as first,
        another.lock(connection()) as second,
    ):
        assert (first, second) == (True, False)
    async with another.lock(connection()) as third:
        assert third


async def test_a_killed_refresh_blocks_others_only_briefly(tokens: TokenStore, redis: Any) -> None:
    """The lock of a killed process expires within 3 s."""
    async with tokens.lock(connection()):
        assert 0 < await redis.pttl(redis_keys.token_lock(ADA, "acme")) <= 3000


async def test_locks_each_tenant_by_itself(tokens: TokenStore) -> None:
    """The refresh of one tenant's token does not wait for another's."""
    async with tokens.lock(connection()), tokens.lock(connection(tenant="globex")):
        pass


async def test_leaves_errors_of_the_holder_alone(tokens: TokenStore) -> None:
    """An exception in the block is raised unchanged, and the lock is released."""
    with pytest.raises(TimeoutError):
        async with tokens.lock(connection()):
            raise TimeoutError
    async with tokens.lock(connection()):
        pass
