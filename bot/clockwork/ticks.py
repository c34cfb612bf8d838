"""Which ticks are due: a pure function of the time."""

from __future__ import annotations

from collections.abc import Sequence

from bot.clockwork.calls import Tick


class Ticks:
    """Keeps when each tick came last; however late it is asked, each comes once."""

    def __init__(self, ticks: Sequence[Tick]) -> None:
        self._next = dict.fromkeys(ticks, float("-inf"))

    def due(self, now: float) -> list[Tick]:
        """Those whose time has come; `now` in seconds of a clock that never goes back."""
        due = [tick for tick, at in self._next.items() if at <= now]
        self._next |= {tick: now + tick.seconds for tick in due}
        return due
