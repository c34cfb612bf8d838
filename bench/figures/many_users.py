"""The time of a list with 100,000 connected users, compared with one user."""

from __future__ import annotations

from bench.comparison import p50, ratios
from bench.environment import Environment
from bench.measurement import Rounds, at_most, measures
from bench.slack_load import Load

ROUNDS, LISTS, CROWD = 48, 12, 100_000


@measures(crowd_p50_ratio=at_most(1.1))
async def many_users(environment: Environment) -> Rounds:
    """Measure from the command to the reply, sequentially; each side has its own bot and Redis."""
    async with environment.bot(users=CROWD) as full, environment.bot(users=1) as empty:
        found = await ratios(
            lambda: _p50(full.load), lambda: _p50(empty.load), ROUNDS, most_is_best=False
        )
    return {"crowd_p50_ratio": found}


async def _p50(load: Load) -> float:
    return await p50(lambda: load.answer("jobs"), LISTS)
