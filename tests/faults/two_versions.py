"""An upgrade and a rollback: workers of two versions post each digest and each failure once."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from pathlib import Path

import pytest

from bot.domain.alerts import Alert
from bot.domain.conditions import Watermark
from bot.domain.filters import Filters
from bot.store.alerts import AlertStore
from bot.store.connection import connect
from sandbox.slack.directory import ADA, BOT_USER_ID, Channel
from tests.faults.each_digest_once import scenario as scenario
from tests.faults.failures import Worker, working
from tests.faults.scenario import OWNERS, WITH_THREAD, Scenario, all_settled, cipher, posted, set_up
from tests.test_released import VERSIONS, released_code

DIGESTS, FAILURES, RESTARTS = 100, 60, 20
SECONDS_BETWEEN_FAILURES = 1.0
WITHIN_SECONDS = 130.0  # two polls of an alert
ALERT_CHANNEL = Channel("C0ALERT", "alert", frozenset({ADA.id, BOT_USER_ID}))


@pytest.mark.timeout(300)
@pytest.mark.parametrize("version", VERSIONS)
async def test_two_versions_post_everything_once(
    scenario: Scenario, version: str, tmp_path: Path
) -> None:
    """While workers of two versions are killed in turn, nothing is lost or posted twice."""
    older = released_code(version, tmp_path)
    await set_up(scenario, time.time() + 20, DIGESTS)
    redis = connect(scenario.redis.url)
    alerts = AlertStore(redis, cipher(scenario))
    await turn_on(scenario, alerts)
    workers = [
        Worker(scenario.settings, scenario.folder / "new.log"),
        Worker(scenario.settings, scenario.folder / "old.log", code=older),
    ]
    with working(*workers):
        for number in range(FAILURES):
            scenario.emporix_state.add_job("acme", agentId="counted", status="failure")
            if number % (FAILURES // RESTARTS) == 0:
                worker = workers[number // (FAILURES // RESTARTS) % 2]
                worker.kill()
                worker.start()
            await asyncio.sleep(SECONDS_BETWEEN_FAILURES)
        done = await all_settled(scenario, DIGESTS, WITHIN_SECONDS)
        found = await all_counted(alerts)
    await redis.aclose()
    of_alert = scenario.workspace.messages.of_channel(ALERT_CHANNEL.id)
    names = [one.metadata["event_payload"]["name"] for one in of_alert]
    twice = [name for name, count in (Counter(names) + posted(scenario)).items() if count > 1]
    logs = "".join(log.read_text(encoding="utf-8") for log in scenario.folder.glob("*.log"))
    print(  # noqa: T201 - the figures are what people run it for
        f"\n{found} of {FAILURES} failures in {len(names)} messages, {len(posted(scenario))} "
        f"digests and threads, {len(twice)} twice, {logs.count('Traceback')} tracebacks"
    )
    assert (found, len(posted(scenario)), done) == (FAILURES, DIGESTS + WITH_THREAD, True)
    assert (twice, logs.count("Traceback"), logs.count("unreadable")) == ([], 0, 0)


async def turn_on(scenario: Scenario, alerts: AlertStore) -> None:
    """Turn on an alert about failed jobs of one agent."""
    scenario.workspace.directory.channels[ALERT_CHANNEL.id] = ALERT_CHANNEL
    filters = Filters(tenant="acme", statuses=("failure",), agents=("counted",))
    now = time.time()
    alert = Alert("a", OWNERS[0], ALERT_CHANNEL.id, filters, now, Watermark(now), now, now)
    assert await alerts.save(alert, None, poll_at=now)


async def all_counted(alerts: AlertStore) -> int:
    """Wait until all failures were posted, but not forever; returns their number."""
    ends, found = time.time() + WITHIN_SECONDS, 0
    while found < FAILURES and time.time() < ends:
        await asyncio.sleep(1.0)
        found = sum(row.count for post in await alerts.load_posts("a") for row in post.rows)
    return found
