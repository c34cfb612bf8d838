"""Two sides measured in turn, in short rounds: what else the machine does then meets both."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from statistics import median
from typing import TypeVar

T = TypeVar("T")

Side = Callable[[], Awaitable[float]]


async def ratios(ours: Side, theirs: Side, rounds: int) -> list[float]:
    """Ours ÷ theirs, round by round, after one that does not count; who is first changes."""
    found = []
    for number in range(rounds + 1):
        if number % 2:
            mine, other = await ours(), await theirs()
        else:
            other, mine = await theirs(), await ours()
        found.append(mine / other)
    return found[1:]


async def p50(once: Callable[[], Awaitable[float]], times: int) -> float:
    """The median of what `once` gives, one call after another."""
    return median([await once() for _ in range(times)])


def percentile(values: Iterable[float], percent: float) -> float:
    """The value that `percent` of all do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


async def rate(do: Callable[[T], Awaitable[object]], items: Sequence[T], at_once: int) -> float:
    """How many items are done in a second, so many `at_once`."""
    left = iter(items)

    async def worker() -> None:
        for item in left:
            await do(item)

    begun = time.perf_counter()
    await asyncio.gather(*[worker() for _ in range(at_once)])
    return len(items) / (time.perf_counter() - begun)
