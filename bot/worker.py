"""The other door: what happens by the clock. The counterpart of `bot.web`, without an address.

In each worker a loop lets ticks find what is due, and saq runs the tasks that they queue. A worker
keeps nothing that another could not go on with.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from contextlib import suppress

from bot.clockwork.calls import Tick
from bot.clockwork.engine import Engine
from bot.clockwork.quieter import quieten_saq
from bot.clockwork.runner import Runner
from bot.clockwork.ticks import Ticks
from bot.logs import configure
from bot.settings import Settings
from bot.wiring.shared import Clock
from bot.wiring.worker import assemble_worker, open_queue

logger = logging.getLogger(__name__)

DRAIN_SECONDS = 20  # a platform that stops a process commonly kills it after 30 s
LOOK_SECONDS = 0.5  # between two looks at the clock


def work(settings: Settings, clock: Clock = time.time) -> None:
    """Work until SIGTERM or SIGINT; what runs then is finished first."""
    configure(settings.log_level, settings.log_format)
    quieten_saq()
    for warning in settings.warnings():
        logger.warning("a setting is risky: %s", warning)
    asyncio.run(_work(settings, clock))


async def _work(settings: Settings, clock: Clock) -> None:
    stopped = asyncio.create_task(_told_to_stop().wait())
    async with open_queue(settings) as queue, assemble_worker(settings, queue, clock) as parts:
        engine = Engine(queue, parts.runner, drain_seconds=DRAIN_SECONDS)
        running = asyncio.create_task(engine.start())
        ticking = asyncio.create_task(_tick(parts.ticks, parts.runner))
        logger.info("at work")
        await asyncio.wait({running, ticking, stopped}, return_when=asyncio.FIRST_COMPLETED)
        ticking.cancel()
        with suppress(asyncio.CancelledError):
            await ticking
        await engine.stop()
        await running


async def _tick(ticks: Ticks, runner: Runner) -> None:
    """Each tick goes its own way: a slow one holds up nobody but itself."""
    going: dict[Tick, asyncio.Task[None]] = {}
    while True:
        for tick in ticks.due(time.time()):
            if tick not in going or going[tick].done():
                going[tick] = asyncio.create_task(runner.tick(tick))
        await asyncio.sleep(LOOK_SECONDS)


def _told_to_stop() -> asyncio.Event:
    """Set on SIGTERM or SIGINT."""
    told = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    return told
