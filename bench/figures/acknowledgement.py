"""The time until the ack of a signed /emporix jobs, compared with a stock Bolt app."""

from __future__ import annotations

from bench.comparison import p50, ratios
from bench.environment import Environment
from bench.measurement import Rounds, at_most, measures

ROUNDS, COMMANDS = 60, 12


@measures(ack_p50_ratio=at_most(0.1))
async def acknowledgement(environment: Environment) -> Rounds:
    """Send the commands one after another, each after the previous response."""
    async with environment.bot() as bot, environment.stock("default") as stock:
        found = await ratios(
            lambda: p50(lambda: bot.load.ack_then_answer("jobs"), COMMANDS),
            lambda: p50(lambda: stock.ack(stock.command("jobs")), COMMANDS),
            ROUNDS,
            most_is_best=False,
        )
    return {"ack_p50_ratio": found}
