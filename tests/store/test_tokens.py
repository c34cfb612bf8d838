"""Tokens are shared by all processes, and one of them at a time asks for a new one."""

from __future__ import annotations

from typing import Any

import pytest

from bot.models import Token
from bot.store import layout
from bot.store.accounts import AccountStore
from bot.store.records import Records
from bot.store.tokens import TokenStore
from tests.clock import NOW
from tests.store.fixtures import ADA, connection

FRESH = Token("token-2", NOW + 7200, frozenset({"ai.agent_read"}), "acme")


async def test_gives_what_another_process_saved(accounts: AccountStore, tokens: TokenStore) -> None:
    """A saved token is found beside its connection."""
    await accounts.save(connection(), default=True)
    await tokens.save(connection(), FRESH)
    assert await tokens.load(connection()) == FRESH
    assert (await accounts.load(ADA)).connections["acme"].token == FRESH


async def test_does_not_revive_a_deleted_connection(
    accounts: AccountStore, tokens: TokenStore, redis: Any
) -> None:
    """A token that arrives after its connection was deleted is not kept."""
    await accounts.save(connection(), default=True)
    await accounts.delete(ADA, "acme", next_default="")
    await tokens.save(connection(), FRESH)
    assert await redis.keys("*") == []


async def test_lets_one_refresh_at_a_time(redis: Any, records: Records) -> None:
    """While one process asks for a token, another does not; both know which of them it is."""
    another = TokenStore(redis, records, wait_seconds=0)
    async with (
        TokenStore(redis, records).lock(connection()) as first,
        another.lock(connection()) as second,
    ):
        assert (first, second) == (True, False)
    async with another.lock(connection()) as third:
        assert third


async def test_a_killed_refresh_keeps_nobody_waiting_for_long(
    tokens: TokenStore, redis: Any
) -> None:
    """The lock of a process that was killed ends within 3 s."""
    async with tokens.lock(connection()):
        assert 0 < await redis.pttl(layout.refresh(ADA, "acme")) <= 3000


async def test_locks_each_tenant_by_itself(tokens: TokenStore) -> None:
    """The refresh of one tenant's token does not wait for another's."""
    async with tokens.lock(connection()), tokens.lock(connection(tenant="globex")):
        pass


async def test_leaves_errors_of_the_holder_alone(tokens: TokenStore) -> None:
    """What is raised while the lock is held comes out as it is, and the lock is free again."""
    with pytest.raises(TimeoutError):
        async with tokens.lock(connection()):
            raise TimeoutError
    async with tokens.lock(connection()):
        pass
