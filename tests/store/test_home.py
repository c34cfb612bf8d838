"""Statistics of Home tabs are encrypted, belong to one user and end with the connection."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bot.domain.accounts import Connection, Credentials
from bot.domain.jobs import (
    AgentCount,
    FailureCause,
    JobSummary,
    NewestJobs,
    RecentFailures,
    TenantStats,
)
from bot.store import keys as redis_keys
from bot.store.accounts import AccountStore
from bot.store.encryption import AccountEncryption, Cipher, EncryptionKey, new_key, parse_keys
from bot.store.home import TENANT_STATS_TTL_SECONDS, HomeStore
from tests.store.fixtures import ADA, GRACE

FAILED = JobSummary(
    "1", "failure", "AGENT_CHAT", "a", "Agent A", "", "", "2026-11-23", "a secret word"
)
CAUSE = FailureCause(
    9, "a secret cause", (AgentCount("Agent A", 6), AgentCount("", 3)), ("1", "2"), FAILED
)
FIGURES = TenantStats(
    "acme",
    requested_at=2.0,
    read_at=1.0,
    failed=RecentFailures((CAUSE,), 3, 10, 12, has_more=True),
    running=NewestJobs((), None, has_more=False),
    error="rate_limited",
)


@pytest.fixture
def keys() -> list[EncryptionKey]:
    return list(parse_keys(new_key()))


@pytest.fixture
def accounts(redis: Any, keys: list[EncryptionKey]) -> AccountStore:
    return AccountStore(redis, AccountEncryption(Cipher(keys)))


@pytest.fixture
async def homes(redis: Any, keys: list[EncryptionKey], accounts: AccountStore) -> HomeStore:
    """Ada and Grace are connected to acme, and Ada also to globex."""
    for caller, tenant in ((ADA, "acme"), (ADA, "globex"), (GRACE, "acme")):
        held = Connection(caller, tenant, Credentials("id", "secret"), frozenset(), 1.0)
        await accounts.save(held, default=True)
    return HomeStore(redis, Cipher(keys))


async def test_loads_the_saved_statistics(homes: HomeStore) -> None:
    """Statistics are loaded completely, by tenant."""
    globex = TenantStats("globex", requested_at=3.0)
    await homes.save_stats(ADA, [FIGURES, globex])
    assert await homes.load_stats(ADA) == {"acme": FIGURES, "globex": globex}
    assert await homes.load_stats(GRACE) == {}


async def test_statistics_are_encrypted(homes: HomeStore, redis: Any) -> None:
    """Statistics are unreadable in Redis, and expire after an hour."""
    await homes.save_stats(ADA, [FIGURES])
    stored = await redis.hgetall(redis_keys.home(ADA, "stats"))
    assert "secret word" not in str(stored)
    assert 0 < await redis.ttl(redis_keys.home(ADA, "stats")) <= TENANT_STATS_TTL_SECONDS


async def test_does_not_open_elsewhere(homes: HomeStore, redis: Any) -> None:
    """Statistics copied to another user or tenant are ignored."""
    await homes.save_stats(ADA, [FIGURES])
    encrypted = await redis.hget(redis_keys.home(ADA, "stats"), "acme")
    await redis.hset(redis_keys.home(GRACE, "stats"), "acme", encrypted)
    await redis.hset(redis_keys.home(ADA, "stats"), "globex", encrypted)
    assert await homes.load_stats(GRACE) == {}
    assert (await homes.load_stats(ADA)).keys() == {"acme"}


async def test_statistics_in_another_format_are_ignored(
    homes: HomeStore, redis: Any, keys: list[EncryptionKey]
) -> None:
    """Statistics in another format are ignored without an error."""
    place = f"{redis_keys.home(ADA, 'figures')}/acme"
    for text in ('{"tenant":"acme"}', '["acme"]', "{"):
        await redis.hset(redis_keys.home(ADA, "stats"), "acme", Cipher(keys).encrypt(text, place))
        assert await homes.load_stats(ADA) == {}


async def test_disconnected_tenants_have_no_statistics(
    homes: HomeStore, accounts: AccountStore
) -> None:
    """Statistics that arrive after a disconnect are not stored."""
    await homes.save_stats(ADA, [FIGURES, replace(FIGURES, tenant="globex")])
    await accounts.delete(ADA, "acme", "globex")
    assert (await homes.load_stats(ADA)).keys() == {"globex"}
    await homes.save_stats(ADA, [FIGURES])
    assert (await homes.load_stats(ADA)).keys() == {"globex"}


async def test_clears_the_statistics_of_tenants(homes: HomeStore) -> None:
    """Only the statistics of the named tenants are cleared."""
    await homes.save_stats(ADA, [FIGURES, replace(FIGURES, tenant="globex")])
    await homes.clear_stats(ADA, ["acme"])
    await homes.clear_stats(ADA, [])
    assert (await homes.load_stats(ADA)).keys() == {"globex"}


async def test_statistics_do_not_mark_a_tab_as_opened(homes: HomeStore) -> None:
    """Statistics alone don't mark a Home tab as opened."""
    await homes.save_stats(ADA, [FIGURES])
    assert not await homes.is_open(ADA)
    await homes.mark_opened(ADA)
    assert await homes.is_open(ADA)
    assert not await homes.is_open(GRACE)
