"""200 concurrent commands while Emporix takes 5 s: the time until each ack, and lost commands."""

from __future__ import annotations

import asyncio

from bench.comparison import percentile
from bench.environment import EMPORIX, USERS, Environment
from bench.measurement import Rounds, at_most, measures
from bench.processes import serve_app
from bench.slack_load import ANSWER_SECONDS, Load

ROUNDS, COMMANDS, DELAY = 2, 200, "5"


@measures(burst_ack_p99_seconds=at_most(0.5), burst_lost=at_most(0))
async def burst(environment: Environment) -> Rounds:
    """A command is lost if its list doesn't arrive within 30 s.

    An error or a busy message counts as lost.
    """
    async with (
        serve_app(EMPORIX, {"BENCH_DELAY": DELAY}) as slow_url,
        environment.bot(emporix_url=slow_url) as bot,
    ):
        rounds = [await _round(bot.load) for _ in range(ROUNDS)]
    return {
        "burst_ack_p99_seconds": [percentile(acks, 99) for acks, _ in rounds],
        "burst_lost": [sum(lost for _, lost in rounds)],
    }


async def _round(load: Load) -> tuple[list[float], int]:
    commands = [load.command("jobs", number % USERS) for number in range(COMMANDS)]
    acks = await asyncio.gather(*map(load.ack, commands))
    _, lost = await asyncio.wait([c.answered for c in commands], timeout=ANSWER_SECONDS)
    return acks, len(lost)
