"""The parts of the worker process."""

from __future__ import annotations

import secrets
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import bot.tasks
from bot.clockwork.calls import Queues
from bot.clockwork.engine import Queue
from bot.clockwork.registry import discover
from bot.clockwork.runner import Runner
from bot.clockwork.ticks import Ticks
from bot.settings import Settings
from bot.slack.directly import Directly
from bot.slack.failures import Failures
from bot.store.connection import connect_for_queue
from bot.store.cursors import new_cursor_id
from bot.wiring.shared import Clock, shared_parts


@dataclass(frozen=True, slots=True)
class WorkerParts:
    """What the worker process works with."""

    ticks: Ticks
    runner: Runner


@asynccontextmanager
async def assemble_worker(
    settings: Settings, queue: Queues, clock: Clock = time.time
) -> AsyncIterator[WorkerParts]:
    """The parts of a worker process, closed when it ends; tasks are queued in `queue`."""
    async with shared_parts(settings, clock, new_cursor_id) as shared:
        shared.slack.token = settings.slack_bot_token.get_secret_value()
        directly = Directly(shared.say, shared.slack)
        services = {
            **shared.services,
            "worker_id": secrets.token_hex(8),
            "directly": directly,
        }
        calls = discover(bot.tasks)
        runner = Runner(calls, services, queue, Failures(shared.say), directly, clock)
        yield WorkerParts(Ticks(calls.ticks), runner)


@asynccontextmanager
async def open_queue(settings: Settings) -> AsyncIterator[Queue]:
    """The queue in Redis, closed when it is left."""
    async with AsyncExitStack() as stack:
        queue = Queue(connect_for_queue(settings.redis_url.get_secret_value()))
        stack.push_async_callback(queue.disconnect)
        yield queue
