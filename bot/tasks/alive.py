"""Workers say that they are at work, so that `emporix-bot doctor` can tell."""

from __future__ import annotations

from bot.clockwork.calls import every
from bot.store.alive import Alive

SECONDS = 5.0


@every(SECONDS)
async def say_alive(now: float, worker_id: str, alive: Alive) -> None:
    await alive.say(worker_id, now)
