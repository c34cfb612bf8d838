"""How fast messages may go: a second between those of a channel, a cap for all together."""

from __future__ import annotations

from typing import Any

import pytest

from bot.store.pace import CHANNEL_SECONDS, Pace

A_MINUTE = 120
LONG = 1000.0


@pytest.fixture
def pace(redis: Any) -> Pace:
    return Pace(redis, A_MINUTE)


async def test_messages_of_a_channel_follow_each_other(pace: Pace) -> None:
    """Each gets a time of its own."""
    waits = [await pace.reserve("T", "C1", 1000, LONG) for _ in range(3)]
    assert waits == pytest.approx([0, CHANNEL_SECONDS, 2 * CHANNEL_SECONDS])


async def test_messages_of_a_workspace_follow_each_other(pace: Pace) -> None:
    """Half a second apart at 120 a minute; those of another workspace do not count."""
    waits = [await pace.reserve("T", f"C{number}", 1000, LONG) for number in range(3)]
    assert waits == pytest.approx([0, 0.5, 1.0])
    assert await pace.reserve("T2", "C1", 1000, LONG) == 0


async def test_a_busy_channel_keeps_no_other_waiting(pace: Pace) -> None:
    """Ten messages to one channel take ten places of the workspace, not ten seconds."""
    for _ in range(10):
        await pace.reserve("T", "C1", 1000, LONG)
    assert await pace.reserve("T", "C2", 1000, LONG) == pytest.approx(10 * 0.5)


async def test_who_would_wait_too_long_takes_no_place(pace: Pace) -> None:
    """Whoever comes next gets what was not taken."""
    await pace.reserve("T", "C1", 1000, LONG)
    assert await pace.reserve("T", "C1", 1000, 0.5) == pytest.approx(CHANNEL_SECONDS)
    assert await pace.reserve("T", "C1", 1000, LONG) == pytest.approx(CHANNEL_SECONDS)


async def test_time_passes(pace: Pace) -> None:
    """What was not used is not saved up."""
    await pace.reserve("T", "C1", 1000, LONG)
    assert await pace.reserve("T", "C1", 2000, LONG) == 0
    assert await pace.reserve("T", "C1", 2000, LONG) == pytest.approx(CHANNEL_SECONDS)


async def test_all_hold_when_slack_says_so(pace: Pace) -> None:
    """Nothing goes before that, in any channel; a shorter pause does not end a longer one."""
    await pace.hold("T", "C1", 1030)
    await pace.hold("T", "C1", 1010)
    assert await pace.reserve("T", "C2", 1000, LONG) == pytest.approx(30)


async def test_who_found_no_place_comes_back_in_turn(pace: Pace) -> None:
    """As fast as messages may go, and no sooner than asked; each workspace by itself."""
    backs = [await pace.come_back("T", 1000, 4.0) for _ in range(3)]
    assert backs == pytest.approx([4.0, 4.5, 5.0])
    assert await pace.come_back("T", 1003, 4.0) == pytest.approx(4.0)
    assert await pace.come_back("T2", 1000, 4.0) == 4.0
