"""/emporix help per second at 32 connections, compared with a Bolt app with an empty listener."""

from __future__ import annotations

from bench.comparison import rate, ratios
from bench.environment import Environment
from bench.measurement import Rounds, at_least, measures
from bench.slack_load import Load

ROUNDS, CONNECTIONS, COMMANDS = 32, 32, 500


@measures(help_rate_ratio=at_least(0.8))
async def help_rate(environment: Environment) -> Rounds:
    """Both acknowledge before they respond; our ack contains the whole help text."""
    async with environment.bot() as bot, environment.stock("in_process") as stock:
        found = await ratios(
            lambda: _rate(bot.load), lambda: _rate(stock), ROUNDS, most_is_best=True
        )
    return {"help_rate_ratio": found}


async def _rate(load: Load) -> float:
    commands = [load.command("help") for _ in range(COMMANDS)]
    return await rate(load.ack, commands, CONNECTIONS)
