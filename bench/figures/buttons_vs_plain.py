"""A page turn and an opened job: processor time and p50, compared with a plain Bolt app."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import Any

from bench.comparison import p50, rate, ratios
from bench.environment import USERS, Bot, Environment
from bench.measurement import Rounds, at_most, measures
from bench.processes import cpu_seconds

ROUNDS, AT_ONCE, CLICKS, SINGLE_CLICKS = 16, 16, 100, 30
LABELS = {"turn": "Next", "open": "Open"}
PAUSES_SECONDS = {"turn": 0.0, "open": 0.03}
"""Between clicks for the p50. The log of an opened job arrives in the pause."""


@measures(
    turn_cpu_vs_plain=at_most(1.05),
    turn_p50_vs_plain=at_most(1.2),
    open_cpu_vs_plain=at_most(0.9),
    open_p50_vs_plain=at_most(1.2),
)
async def buttons_vs_plain(environment: Environment) -> Rounds:
    """Sixteen clicks at once for the processor time, one after another for the p50."""
    rounds: dict[str, Sequence[float]] = {}
    async with environment.bot() as bot, environment.plain_app() as plain:
        for act, label in LABELS.items():
            pause = PAUSES_SECONDS[act]
            ours = await _Clicks.make(bot, label, pause)
            theirs = await _Clicks.make(plain, label, pause)
            for figure in ("cpu", "p50"):
                rounds[f"{act}_{figure}_vs_plain"] = await ratios(
                    getattr(ours, figure), getattr(theirs, figure), ROUNDS, most_is_best=False
                )
    return rounds


class _Clicks:
    """Clicks on the buttons with one label in each user's own list."""

    def __init__(self, bot: Bot, buttons: Sequence[Mapping[str, Any]], pause: float) -> None:
        self._bot, self._turns, self._pause = bot, cycle(enumerate(buttons)), pause

    @classmethod
    async def make(cls, bot: Bot, label: str, pause: float) -> _Clicks:
        buttons = []
        for user in range(USERS):
            await bot.load.answer("jobs", user)
            buttons.append(_button(await bot.load.newest(), label))
        return cls(bot, buttons, pause)

    async def cpu(self) -> float:
        before = cpu_seconds(self._bot.pid)
        await rate(self._click, range(CLICKS), AT_ONCE)
        return cpu_seconds(self._bot.pid) - before

    async def p50(self) -> float:
        return await p50(self._click_and_wait, SINGLE_CLICKS)

    async def _click(self, _: object = None) -> float:
        user, button = next(self._turns)
        return await self._bot.load.reply(self._bot.load.click(button, user))

    async def _click_and_wait(self) -> float:
        taken = await self._click()
        await asyncio.sleep(self._pause)
        return taken


def _button(message: Mapping[str, Any], label: str) -> Mapping[str, Any]:
    """Return the first button with a label. Raises `StopIteration` if there is none."""
    elements = (
        element
        for block in message["blocks"]
        for element in (block.get("accessory"), *block.get("elements", ()))
    )
    return next(
        one for one in elements if one and one["type"] == "button" and one["text"]["text"] == label
    )
