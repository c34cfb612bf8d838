"""The process's memory after many commands, compared with a tenth of them."""

from __future__ import annotations

from bench.comparison import rate
from bench.environment import USERS, Environment
from bench.measurement import Rounds, at_most, measures
from bench.processes import resident_bytes
from bench.slack_load import Load

FEW, MANY, AT_ONCE = 2_000, 20_000, 16


@measures(memory_ratio=at_most(1.1))
async def memory(environment: Environment) -> Rounds:
    """Compare resident memory. Of four commands, one is a list, one a job and two are help."""
    async with environment.bot() as bot:
        await _ask(bot.load, FEW)
        before = resident_bytes(bot.pid)
        await _ask(bot.load, MANY - FEW)
        after = resident_bytes(bot.pid)
    return {"memory_ratio": [after / before]}


async def _ask(load: Load, commands: int) -> None:
    async def one(number: int) -> None:
        user = number % USERS
        match number % 4:
            case 0:
                await load.answer("jobs", user)
            case 1:
                await load.answer(f"jobs get {number:024x}", user)
            case _:
                await load.ack(load.command("help", user))

    await rate(one, range(commands), AT_ONCE)
