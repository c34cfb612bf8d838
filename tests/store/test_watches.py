"""Watched jobs are limited in number and stored per owner."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from bot.domain.accounts import PolledConnection
from bot.domain.watches import Watch
from bot.store import keys as redis_keys
from bot.store.watches import WATCH_TTL_SECONDS, WatchStore
from tests.store.fixtures import ADA, CIPHER, GRACE

WATCH = Watch("w1", ADA, "acme", "job-1", 100.0, "C0OPS", "1.0", "U0GRACE")


@pytest.fixture
def watches(redis: Any) -> WatchStore:
    return WatchStore(redis, CIPHER)


async def test_keeps_a_watch_whole(watches: WatchStore) -> None:
    """A watch is stored completely, and a poll of its connection is scheduled."""
    assert await watches.add(WATCH, 105.0, 50) == "added"
    assert await watches.of_owner(ADA) == (WATCH,)
    assert await watches.connections.claim_due(105.0, 10) == [PolledConnection(ADA, "acme")]


async def test_a_job_is_watched_once(watches: WatchStore) -> None:
    """A job is watched once per user and tenant."""
    assert await watches.add(WATCH, 105.0, 50) == "added"
    assert await watches.add(replace(WATCH, id="w2"), 105.0, 50) == "there"
    assert await watches.add(replace(WATCH, tenant="globex"), 105.0, 50) == "added"
    assert await watches.add(replace(WATCH, owner=GRACE), 105.0, 50) == "added"
    assert [watch.id for watch in await watches.of_owner(ADA, "acme")] == ["w1"]


async def test_there_is_a_limit(watches: WatchStore) -> None:
    """Concurrent clicks can't exceed the limit."""
    several = [replace(WATCH, id=f"w{number}", job_id=f"job-{number}") for number in range(20)]
    done = await asyncio.gather(*(watches.add(watch, 105.0, 5) for watch in several))
    assert sorted(done) == ["added"] * 5 + ["full"] * 15
    assert len(await watches.of_owner(ADA)) == 5


async def test_a_further_watch_postpones_no_look(watches: WatchStore, redis: Any) -> None:
    """Another watch doesn't postpone the next poll."""
    await watches.add(WATCH, 105.0, 50)
    await watches.add(replace(WATCH, id="w2", job_id="job-2"), 900.0, 50)
    assert await redis.zscore(redis_keys.watches_due(), PolledConnection(ADA, "acme").name) == 105.0


async def test_removes_once(watches: WatchStore, redis: Any) -> None:
    """Removing a watch twice reports that there was none."""
    await watches.add(WATCH, 105.0, 50)
    assert await watches.remove(ADA, "acme", "job-1")
    assert not await watches.remove(ADA, "acme", "job-1")
    await watches.connections.schedule(PolledConnection(ADA, "acme"), 200.0)
    assert await redis.keys("*") == []


async def test_ignores_forged_watches(
    watches: WatchStore, redis: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Forged or copied watches are ignored."""
    await watches.add(WATCH, 105.0, 50)
    encrypted = await redis.hget(redis_keys.watches(ADA), "acme:job-1")
    assert "C0OPS" not in encrypted
    await redis.hset(redis_keys.watches(GRACE), "acme:job-1", encrypted)
    await redis.hset(redis_keys.watches(GRACE), "acme:job-2", '{"id":"w1","tenant":"acme"}')
    assert await watches.of_owner(GRACE) == ()
    await redis.hset(redis_keys.watches(ADA), "acme:job-2", encrypted)
    assert await watches.of_owner(ADA) == (WATCH,)
    assert "could not read a stored watch" in caplog.text


async def test_a_new_watch_replaces_an_unreadable_one(watches: WatchStore, redis: Any) -> None:
    """A new watch replaces an unreadable one, and expires."""
    await redis.hset(redis_keys.watches(ADA), "acme:job-1", "1.deadbeef.")
    assert await watches.add(WATCH, 105.0, 1) == "added"
    assert await watches.of_owner(ADA) == (WATCH,)
    assert 0 < await redis.ttl(redis_keys.watches(ADA)) <= WATCH_TTL_SECONDS
