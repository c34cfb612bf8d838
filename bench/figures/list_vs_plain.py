"""Lists of ten jobs: rate, processor time and p50, compared with a plain Bolt app."""

from __future__ import annotations

from bench.comparison import p50, rate, ratios
from bench.environment import USERS, Bot, Environment
from bench.measurement import Rounds, at_least, at_most, measures
from bench.processes import cpu_seconds

ROUNDS, AT_ONCE, LISTS, SINGLE_LISTS = 24, 16, 100, 30


@measures(
    list_rate_vs_plain=at_least(0.95),
    list_cpu_vs_plain=at_most(1.05),
    list_p50_vs_plain=at_most(1.2),
)
async def list_vs_plain(environment: Environment) -> Rounds:
    """Sixteen at once for the rate and the processor time, one after another for the p50."""
    async with environment.bot() as ours, environment.plain_app() as plain:
        return {
            "list_rate_vs_plain": await ratios(
                lambda: _rate(ours), lambda: _rate(plain), ROUNDS, most_is_best=True
            ),
            "list_cpu_vs_plain": await ratios(
                lambda: _cpu(ours), lambda: _cpu(plain), ROUNDS, most_is_best=False
            ),
            "list_p50_vs_plain": await ratios(
                lambda: _p50(ours), lambda: _p50(plain), ROUNDS, most_is_best=False
            ),
        }


async def _rate(bot: Bot) -> float:
    return await rate(lambda n: bot.load.answer("jobs", n % USERS), range(LISTS), AT_ONCE)


async def _cpu(bot: Bot) -> float:
    before = cpu_seconds(bot.pid)
    await _rate(bot)
    return cpu_seconds(bot.pid) - before


async def _p50(bot: Bot) -> float:
    return await p50(lambda: bot.load.answer("jobs"), SINGLE_LISTS)
