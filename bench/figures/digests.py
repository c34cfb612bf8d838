"""1,000 digests of 200 tenants that are due at the same time, posted by two workers.

They are set up early enough to look up the members of all channels at 50 calls a minute, Slack's
limit.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Mapping

from bench.environment import BOT_TOKEN, Environment
from bench.measurement import Rounds, at_most, measures
from bench.processes import serve_app
from bench.stand_ins.tenants import TROUBLED_EVERY, tenant_name
from bench.stored_digests import digest, set_up
from bench.workers import CHANNELS, WORKERS, Workers, workers
from bot.domain.digests import Digest

DIGESTS, TENANTS, POSTED_TO = 1_000, 200, 100
THREADS = DIGESTS // TROUBLED_EVERY
MESSAGES = DIGESTS + THREADS
POSTS_PER_MINUTE = 600
"""The workspace's rate limit: a high value for Slack's "several hundred messages a minute"."""

SAMPLE = 40
"""The baseline runs the digests of this many tenants; its total is extrapolated."""

START_SECONDS = 150.0  # 100 channels at 50 a minute, plus a margin
QUIET_SECONDS = 5.0  # seconds to wait for duplicate posts
TIMEOUT_SECONDS = 600.0
POLL_INTERVAL_SECONDS = 0.5
BARE = "bench.stand_ins.baseline_digests:app"
PLAIN = "bench.stand_ins.plain_digest:app"

CALLS = 16
"""Two for all jobs and for each of four statuses, two pages of failures, the agents' names, and the
logs of three failures."""


@measures(
    digests_time_ratio=at_most(1.2),
    digests_lost_or_twice=at_most(0),
    digests_memory_ratio=at_most(1.1),
    digests_calls_a_tenant=at_most(WORKERS * CALLS),
    digests_reads=at_most(POSTED_TO),
    digests_reads_refused=at_most(0),
    digest_cpu_vs_plain=at_most(1.2),
)
async def digests(environment: Environment) -> Rounds:
    """Measure from the due time until the last message, threads included."""
    async with workers(environment, TENANTS, tenant_name, POSTS_PER_MINUTE) as running:
        due = time.time() + START_SECONDS
        await set_up(running.redis_url, running.encryption_key, _digests(due))
        await asyncio.sleep(due - time.time())
        begun = running.cpu_seconds()
        await _until(running, MESSAGES // 2)
        half = running.resident()
        await _until(running, MESSAGES)
        whole, spent = running.resident(), running.cpu_seconds() - begun
        await asyncio.sleep(QUIET_SECONDS)
        posted, calls = await running.posted(), await running.calls()
        bare = await _cpu_seconds(BARE, environment, running.emporix_url)
        plain = await _cpu_seconds(PLAIN, environment, running.emporix_url)
    return {
        "digests_time_ratio": [
            (posted["last"] - due) / max(_limits_seconds(), bare / (os.cpu_count() or 1))
        ],
        "digests_lost_or_twice": [_lost_or_twice(posted["names"])],
        "digests_memory_ratio": [whole / half],
        "digests_calls_a_tenant": [calls],
        "digests_reads": [posted["reads"]],
        "digests_reads_refused": [posted["reads_refused"]],
        "digest_cpu_vs_plain": [spent / plain],
    }


def _digests(due: float) -> list[Digest]:
    return [
        digest(number, due, owners=TENANTS, channels=POSTED_TO, tenant_of=tenant_name)
        for number in range(DIGESTS)
    ]


async def _until(running: Workers, messages: int) -> None:
    """Wait until all messages arrived, or until it takes too long.

    Missing messages are reported later.
    """
    for _ in range(int(TIMEOUT_SECONDS / POLL_INTERVAL_SECONDS)):
        if len((await running.posted())["names"]) >= messages:
            break
        await asyncio.sleep(POLL_INTERVAL_SECONDS)


def _limits_seconds() -> float:
    """Return the time that the rate limits alone require for messages after the first second."""
    return MESSAGES / (POSTS_PER_MINUTE / 60) - 1


def _lost_or_twice(names: Mapping[str, int]) -> int:
    return abs(MESSAGES - len(names)) + sum(names.values()) - len(names)


async def _cpu_seconds(app: str, environment: Environment, emporix_url: str) -> float:
    """Return the CPU time that the app needs for all digests, extrapolated from SAMPLE tenants."""
    async with (
        serve_app(CHANNELS) as slack_url,
        serve_app(
            app,
            {
                "EMPORIX_API_URL": emporix_url,
                "SLACK_API_URL": f"{slack_url}/api/",
                "SLACK_BOT_TOKEN": BOT_TOKEN,
            },
        ) as url,
        environment.http.get(f"{url}/{SAMPLE}/{SAMPLE * DIGESTS // TENANTS}") as answer,
    ):
        answer.raise_for_status()
        return float(await answer.text()) * TENANTS / SAMPLE
