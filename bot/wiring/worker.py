"""The parts of the worker process."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import bot.tasks
from bot.clockwork.calls import Queues
from bot.clockwork.engine import Queue
from bot.clockwork.registry import discover
from bot.clockwork.runner import Runner
from bot.clockwork.ticks import Ticks
from bot.settings import Settings
from bot.slack.alert_posts import AlertPosts
from bot.slack.digest_posts import DigestPosts
from bot.slack.directly import Directly
from bot.slack.failures import Failures
from bot.slack.installation import Installation
from bot.slack.once import Once
from bot.slack.told_once import ToldOnce
from bot.store.canary import Canary
from bot.store.chart_support import ChartSupport
from bot.store.connection import Commands, connect, connect_for_queue
from bot.store.pace import Pace
from bot.store.posts import Posts
from bot.store.shifts import Shifts
from bot.store.stopped_teams import StoppedTeams
from bot.wiring.shared import Clock, Connect, Shared, audiences, shared_parts, slack_client

Sleep = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class WorkerParts:
    """What the worker process works with."""

    ticks: Ticks
    runner: Runner
    redis: Commands


@asynccontextmanager
async def assemble_worker(
    settings: Settings,
    queue: Queues,
    canary: Canary,
    clock: Clock = time.time,
    sleep: Sleep = asyncio.sleep,
    connect: Connect = connect,
) -> AsyncIterator[WorkerParts]:
    """The parts of a worker process, closed when it ends; tasks are queued in `queue`."""
    async with shared_parts(settings, clock, canary, connect=connect) as shared:
        directly = Directly(shared.say, shared.slack)
        once = _once(settings, shared, sleep)
        told_once = ToldOnce(shared.say, once, shared.slack, audiences(settings, shared.redis))
        charts = ChartSupport(shared.redis)
        services = {
            **shared.services,
            "directly": directly,
            "worker_id": secrets.token_hex(8),
            "digest_posts": DigestPosts(
                shared.say, once, shared.digest_channels, told_once, charts
            ),
            "shifts": Shifts(shared.redis),
            "told_once": told_once,
            "installation": Installation(
                shared.slack, allow_outsiders=settings.allow_shared_channels
            ),
            "alert_posts": AlertPosts(shared.say, once, told_once),
        }
        calls, stopped = discover(bot.tasks), StoppedTeams(shared.redis)
        runner = Runner(calls, services, queue, Failures(shared.say), directly, clock, stopped)
        yield WorkerParts(Ticks(calls.ticks), runner, shared.redis)


def _once(settings: Settings, shared: Shared, sleep: Sleep) -> Once:
    """Its client repeats nothing by itself: what was cut off may have been posted."""
    client = slack_client(settings, shared.session, repeats=False)
    pace = Pace(shared.redis, settings.slack_messages_per_minute)
    return Once(client, Posts(shared.redis), pace, sleep)


@asynccontextmanager
async def open_queue(settings: Settings, canary: Canary) -> AsyncIterator[Queue]:
    """The queue in Redis, closed when it is left."""
    async with AsyncExitStack() as stack:
        queue = Queue(connect_for_queue(settings.redis_url.get_secret_value(), canary))
        stack.push_async_callback(queue.disconnect)
        yield queue
