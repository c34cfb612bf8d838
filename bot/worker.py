"""The other door: what happens by the clock. The counterpart of `bot.web`, without an address.

In each worker a loop lets ticks find what is due, and saq runs the tasks that they queue. A worker
keeps nothing that another could not go on with.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from collections.abc import Iterable

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
    asyncio.run(_work(settings, clock))


async def _work(settings: Settings, clock: Clock) -> None:
    stopped = asyncio.create_task(_told_to_stop().wait())
    async with open_queue(settings) as queue, assemble_worker(settings, queue, clock) as parts:
        engine = Engine(queue, parts.runner, drain_seconds=DRAIN_SECONDS)
        running = asyncio.create_task(engine.start())
        ticking = asyncio.create_task(keep_ticking(parts.ticks, parts.runner))
        logger.info("at work")
        await asyncio.wait({running, ticking, stopped}, return_when=asyncio.FIRST_COMPLETED)
        await cancelled([ticking])
        await engine.stop()
        await running


async def keep_ticking(ticks: Ticks, runner: Runner) -> None:
    """Each tick is a task of its own, so that a slow one delays no other; all end with this one.

    The timer is monotonic: a machine's clock that is set back stops nothing.
    """
    going: dict[Tick, asyncio.Task[None]] = {}
    try:
        while True:
            for tick in ticks.due(time.monotonic()):
                if tick not in going or going[tick].done():
                    going[tick] = asyncio.create_task(runner.tick(tick))
            await asyncio.sleep(LOOK_SECONDS)
    finally:
        await cancelled(going.values())


def _told_to_stop() -> asyncio.Event:
    """Set on SIGTERM or SIGINT."""
    told = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    return told


async def cancelled(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Cancel them, and wait until they have ended: they use what is closed next."""
    ending = list(tasks)
    for task in ending:
        task.cancel()
    await asyncio.gather(*ending, return_exceptions=True)
