"""Locks last while their holder works, and expire soon after it dies."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import pytest

from bot.emporix.http import CALL_BUDGET_SECONDS
from bot.store import accounts, idempotency
from bot.store import keys as redis_keys
from bot.store.locks import Locks, WorkerLeases, new_holder
from tests.harness.faulty_redis import faulty_client

KEY = "emporix-jobs:{scheduled}:lock"


class Sleep:
    """Sleeps that end when the test says so; `asleep` is set while there is one."""

    def __init__(self) -> None:
        self.asleep, self._wake = asyncio.Event(), asyncio.Event()
        self.seconds: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)
        self.asleep.set()
        await self._wake.wait()
        self._wake.clear()

    def wake(self) -> None:
        self._wake.set()

    async def pass_once(self) -> None:
        """Wait until one sleep is over and the next has begun."""
        await self.asleep.wait()
        self.asleep.clear()
        self.wake()
        await self.asleep.wait()


async def test_the_second_waits_for_the_first(redis: Any) -> None:
    """The second holder begins only after the first has released the lock."""
    order: list[str] = []
    sleep = Sleep()

    async def second() -> None:
        async with Locks(redis, sleep).lock(KEY, 3, 60) as held:
            order.append(f"second {held}")

    async with Locks(redis).lock(KEY, 3, 60):
        waiting = asyncio.create_task(second())
        await sleep.pass_once()
        order.append("first")
    sleep.wake()
    await waiting
    assert order == ["first", "second True"]


async def test_a_dead_holder_is_not_waited_for(redis: Any) -> None:
    """A lock expires even if its holder doesn't release it."""
    await Locks(redis).acquire(KEY, "dead", 3)
    assert 0 < await redis.pttl(KEY) <= 3000


async def test_a_caller_that_waits_too_long_continues(
    redis: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """A caller that waits too long continues without the lock, which is logged."""
    await redis.set(KEY, "another")
    async with Locks(redis).lock(KEY, 3, 0) as held:
        assert not held
    assert await redis.get(KEY) == "another"
    assert "continuing without it" in caplog.text


async def test_is_renewed_while_its_holder_works(redis: Any) -> None:
    """A lock is renewed for as long as its holder works."""
    sleep = Sleep()
    async with Locks(redis, sleep).lock(KEY, 3, 0):
        await redis.pexpire(KEY, 500)
        await sleep.pass_once()
        assert await redis.pttl(KEY) > 2000
        assert sleep.seconds[0] < 3
    assert await redis.exists(KEY) == 0


async def test_ends_although_a_cancellation_is_swallowed(redis: Any) -> None:
    """Renewal ends even if the client swallows its cancellation."""

    async def sleep(_: float) -> None:
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()

    async with asyncio.timeout(5), Locks(redis, sleep).lock(KEY, 3, 0):
        await asyncio.sleep(0)
    assert await redis.exists(KEY) == 0


async def test_only_the_holder_can_release_it(redis: Any) -> None:
    """Only the holder can renew and release a lock."""
    locks, mine, theirs = Locks(redis), new_holder(), new_holder()
    assert await locks.acquire(KEY, mine, 3) == ""
    assert await locks.acquire(KEY, theirs, 3) == mine
    await locks.release(KEY, theirs)
    assert await redis.get(KEY) == mine


@pytest.mark.parametrize("after", [False, True])
async def test_a_lost_reply_does_not_lock_out_its_own_caller(redis: Any, after: bool) -> None:
    """A client that repeats the call still gets the lock."""
    broken = faulty_client(redis)
    locks, holder = Locks(broken), new_holder()
    await locks.acquire("another", holder, 3)  # the script is known to the server from now on
    with broken.faults.at(1, after=after), pytest.raises(Exception, match="ConnectionError"):
        await locks.acquire(KEY, holder, 3)
    assert await locks.acquire(KEY, holder, 3) == ""


@pytest.mark.parametrize(
    ("lifetime", "wait"),
    [
        (accounts.TOKEN_LOCK_SECONDS, accounts.TOKEN_LOCK_WAIT_SECONDS),
        (idempotency.DELETE_LOCK_SECONDS, idempotency.DELETE_LOCK_WAIT_SECONDS),
    ],
)
def test_a_lock_expires_before_others_give_up(lifetime: float, wait: float) -> None:
    """The lock of a killed process expires before others give up."""
    assert lifetime + 1 < wait
    assert accounts.TOKEN_LOCK_WAIT_SECONDS + 2 < CALL_BUDGET_SECONDS


async def test_one_worker_acquires_a_lease(redis: Any) -> None:
    """One worker has a lease until its period ends; other leases are independent."""
    shifts = WorkerLeases(redis)
    assert [await shifts.acquire("reconcile", 60.0) for _ in range(2)] == [True, False]
    assert await shifts.acquire("read_channels", 60.0)
    assert 50_000 < await redis.pttl(redis_keys.lease("reconcile")) <= 60_000
