"""Workers say that they are at work, so that `emporix-bot doctor` can tell."""

from __future__ import annotations

from bot.clockwork.calls import Queues, every
from bot.store.alive import Alive

SECONDS = 2.0


@every(SECONDS)
async def say_alive(now: float, worker_id: str, alive: Alive, queue: Queues) -> None:
    """Only while it can take tasks: a worker whose queue is silent does not count."""
    if queue.is_answering:
        await alive.say(worker_id, now)
