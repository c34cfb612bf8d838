"""Digests while workers and Redis are killed and Slack fails: each is posted exactly once."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.faults.failures import FailureInjector, Worker, working
from tests.faults.scenario import (
    WITH_THREAD,
    Scenario,
    all_settled,
    charts,
    last_post,
    open_scenario,
    posted,
    set_up,
)

DIGESTS, DEATHS = 200, 20
WITHIN_SECONDS = 60.0  # seconds after the last fault
QUIET_SECONDS = 8.0  # seconds to wait for duplicate posts


@pytest.fixture
async def scenario(tmp_path: Path) -> AsyncIterator[Scenario]:
    async with open_scenario(tmp_path) as opened:
        yield opened


@pytest.mark.timeout(170)
async def test_wrong_clocks_and_suspended_workers_post_nothing_twice(scenario: Scenario) -> None:
    """Workers with clocks a minute apart, each suspended for 25 s, post nothing twice."""
    seed = random.SystemRandom().randrange(10**6)
    due = time.time() + 40  # the clock of one worker is half a minute ahead
    await set_up(scenario, due, DIGESTS)
    fast = Worker(scenario.settings, scenario.folder / "fast.log", ahead=30)
    slow = Worker(scenario.settings, scenario.folder / "slow.log", ahead=-30)
    injector = FailureInjector(
        fast, scenario.redis, scenario.workspace.faults, random.Random(seed), deaths=0
    )
    with working(fast, slow):
        while not posted(scenario):  # noqa: ASYNC110 - other processes are watched
            await asyncio.sleep(0.05)
        ended = await injector.suspend([fast, slow, fast], 3, 25.0)
        done = await all_settled(scenario, DIGESTS, WITHIN_SECONDS)
        await asyncio.sleep(QUIET_SECONDS)
        counts = posted(scenario)
    swept = sum(
        log.read_text(encoding="utf-8").count("workers are missing heartbeats")
        for log in scenario.folder.glob("*.log")
    )
    twice = [name for name, count in counts.items() if count > 1]
    threads = [name for name in counts if name.endswith(":rest")]
    print(  # noqa: T201 - the figures are what people run it for
        f"\nseed {seed}: {dict(Counter(injector.ordered))}, "
        f"{len(counts) - len(threads)} of {DIGESTS} posted, {len(threads)} threads, "
        f"{len(twice)} twice; "
        f"the last {max(0.0, last_post(scenario) - ended):.1f} s after the end; "
        f"tasks were taken over {swept} times"
    )
    assert (len(counts) - len(threads), len(threads)) == (DIGESTS, WITH_THREAD)
    assert (twice, done) == ([], True)


@pytest.mark.timeout(170)
async def test_each_digest_is_posted_exactly_once(scenario: Scenario) -> None:
    """Each digest is posted once despite killed workers, a killed Redis and errors of Slack."""
    seed = random.SystemRandom().randrange(10**6)
    due = time.time() + 3
    await set_up(scenario, due, DIGESTS)
    steady = Worker(scenario.settings, scenario.folder / "steady.log")
    victim = Worker(scenario.settings, scenario.folder / "victim.log")
    injector = FailureInjector(
        victim, scenario.redis, scenario.workspace.faults, random.Random(seed), deaths=DEATHS
    )
    with working(steady, victim):
        ended = await injector.run()
        during = sum(posted(scenario).values())
        done = await all_settled(scenario, DIGESTS, WITHIN_SECONDS)
        await asyncio.sleep(QUIET_SECONDS)
        counts, drawn = posted(scenario), charts(scenario)
    twice = [name for name, count in counts.items() if count > 1]
    threads = [name for name in counts if name.endswith(":rest")]
    after = last_post(scenario) - ended
    print(  # noqa: T201 - the figures are what people run it for
        f"\nseed {seed}: storm of {ended - due:.0f} s, {victim.deaths} deaths, Redis away for "
        f"{injector.redis_was_away:.1f} s, {dict(Counter(injector.ordered))}, "
        f"{scenario.workspace.post_limits.refused} refused by limits; {during} posted during it;\n"
        f"{len(counts) - len(threads)} of {DIGESTS} posted, and {len(threads)} threads, "
        f"{len(twice)} twice, and {drawn} charts; "
        f"{len(twice)} twice; the last {max(0.0, after):.1f} s after the storm"
    )
    assert (len(counts) - len(threads), len(threads)) == (DIGESTS, WITH_THREAD)
    assert (twice, done) == ([], True)
    assert drawn <= WITH_THREAD  # without the daily counts there is no chart
    assert after <= WITHIN_SECONDS
