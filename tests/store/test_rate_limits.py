"""Messages are at least a second apart per channel, and limited per workspace."""

from __future__ import annotations

from typing import Any

import pytest

from bot.store import keys as redis_keys
from bot.store.rate_limits import MessageRateLimiter
from tests.harness.clock import FakeClock
from tests.harness.redis_clock import clocked

A_MINUTE = 120
LONG = 1000.0


@pytest.fixture
def pace(redis: Any, clock: FakeClock) -> MessageRateLimiter:
    return MessageRateLimiter(clocked(redis, clock), A_MINUTE)


async def test_messages_of_a_channel_follow_each_other(pace: MessageRateLimiter) -> None:
    """Each message to a channel gets its own time slot."""
    waits = [await pace.reserve("T", "C1", LONG) for _ in range(3)]
    assert waits == pytest.approx([0, 1.05, 2.1], abs=1e-4)


async def test_messages_of_a_workspace_follow_each_other(pace: MessageRateLimiter) -> None:
    """At 120 a minute, slots are half a second apart; other workspaces are independent."""
    waits = [await pace.reserve("T", f"C{number}", LONG) for number in range(3)]
    assert waits == pytest.approx([0, 0.5, 1.0], abs=1e-4)
    assert await pace.reserve("T2", "C1", LONG) == 0


async def test_a_busy_channel_keeps_no_other_waiting(pace: MessageRateLimiter) -> None:
    """Ten messages to one channel take ten slots of the workspace, not ten seconds."""
    for _ in range(10):
        await pace.reserve("T", "C1", LONG)
    assert await pace.reserve("T", "C2", LONG) == pytest.approx(5, abs=1e-4)


async def test_a_long_wait_reserves_no_slot(pace: MessageRateLimiter) -> None:
    """The next caller gets a slot that was not taken."""
    await pace.reserve("T", "C1", LONG)
    assert await pace.reserve("T", "C1", 0.5) == pytest.approx(1.05, abs=1e-4)
    assert await pace.reserve("T", "C1", LONG) == pytest.approx(1.05, abs=1e-4)


async def test_time_passes(pace: MessageRateLimiter, clock: FakeClock) -> None:
    """Unused slots don't accumulate."""
    await pace.reserve("T", "C1", LONG)
    clock.forward(1000)
    assert await pace.reserve("T", "C1", LONG) == 0
    assert await pace.reserve("T", "C1", LONG) == pytest.approx(1.05, abs=1e-4)


async def test_all_hold_when_slack_says_so(pace: MessageRateLimiter) -> None:
    """A pause stops messages to all channels; a shorter one doesn't end a longer one."""
    await pace.pause("T", "C1", 30)
    await pace.pause("T", "C1", 10)
    assert await pace.reserve("T", "C2", LONG) == pytest.approx(30, abs=1e-4)


async def test_callers_without_a_slot_retry_one_by_one(
    pace: MessageRateLimiter, clock: FakeClock
) -> None:
    """Retries are spread at the message rate, not before the requested time, per workspace."""
    backs = [await pace.reserve_retry("T", 4.0) for _ in range(3)]
    assert backs == pytest.approx([4.0, 4.5, 5.0], abs=1e-4)
    clock.forward(3)
    assert await pace.reserve_retry("T", 4.0) == pytest.approx(4.0, abs=1e-4)
    assert await pace.reserve_retry("T2", 4.0) == pytest.approx(4.0, abs=1e-4)


async def test_only_the_clock_of_redis_counts(redis: Any) -> None:
    """By Redis's clock alone, two concurrent messages are a second apart."""
    pace = MessageRateLimiter(redis, A_MINUTE)
    assert await pace.reserve("T", "C1", LONG) == 0
    assert 0.8 < await pace.reserve("T", "C1", LONG) <= 1.05
    held = MessageRateLimiter(redis, A_MINUTE)
    await held.pause("T", "C1", 30)
    assert 29 < await pace.reserve("T", "C2", LONG) <= 30


async def test_is_forgotten_after_an_hour(redis: Any, pace: MessageRateLimiter) -> None:
    """All keys expire, but not before the end of a longer pause."""
    await pace.reserve("T", "C1", LONG)
    await pace.reserve_retry("T", 4.0)
    for key in (redis_keys.rate_limit("T", "C1"), redis_keys.rate_limit("T")):
        assert 3500 < await redis.ttl(key) <= 3600
    await pace.pause("T", "C1", 7200)
    assert 7100 < await redis.ttl(redis_keys.rate_limit("T")) <= 7200
