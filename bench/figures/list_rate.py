"""Complete lists per second, compared with their two HTTP calls alone."""

from __future__ import annotations

from bench.comparison import rate, ratios
from bench.environment import USERS, Bot, Environment
from bench.measurement import INFORMATION, Rounds, measures
from bench.processes import serve_app

ROUNDS, AT_ONCE, LISTS, PAIRS = 24, 16, 100, 200


@measures(list_rate_ratio=INFORMATION)
async def list_rate(environment: Environment) -> Rounds:
    """The baseline makes the calls with the same clients, in a separate process like the app."""
    async with environment.bot() as bot:
        await _rate(bot)  # the baseline posts the newest message of the app
        settings = {"EMPORIX_API_URL": environment.emporix_url, "SLACK_URL": environment.slack_url}
        async with serve_app("bench.stand_ins.baseline_list:app", settings) as bare_url:
            found = await ratios(
                lambda: _rate(bot),
                lambda: _bare_rate(environment, bare_url),
                ROUNDS,
                most_is_best=True,
            )
    return {"list_rate_ratio": found}


async def _rate(bot: Bot) -> float:
    return await rate(lambda n: bot.load.answer("jobs", n % USERS), range(LISTS), AT_ONCE)


async def _bare_rate(environment: Environment, bare_url: str) -> float:
    async with environment.http.get(f"{bare_url}/{PAIRS}/{AT_ONCE}") as answer:
        answer.raise_for_status()
        return float(await answer.text())
