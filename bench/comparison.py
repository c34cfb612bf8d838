"""Compares two sides in alternating rounds, so that other load affects both."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from itertools import islice
from statistics import median
from typing import TypeVar

T = TypeVar("T")

Measure = Callable[[], Awaitable[float]]


async def ratios(ours: Measure, theirs: Measure, rounds: int, *, most_is_best: bool) -> list[float]:
    """Divide our best quarter of rounds by theirs: best by best, second-best by second-best.

    Other programs can only make a round slower. The first round doesn't count, and the sides
    alternate in starting.
    """
    mine, others = [], []
    for number in range(rounds + 1):
        if number % 2:
            mine.append(await ours())
            others.append(await theirs())
        else:
            others.append(await theirs())
            mine.append(await ours())
    pairs = zip(*(sorted(side[1:], reverse=most_is_best) for side in (mine, others)), strict=True)
    return [a / b for a, b in islice(pairs, (rounds + 3) // 4)]


async def p50(once: Callable[[], Awaitable[float]], times: int) -> float:
    """Return the median of `times` sequential calls."""
    return median([await once() for _ in range(times)])


def percentile(values: Iterable[float], percent: float) -> float:
    """Return the value that `percent` of all values don't exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


async def rate(do: Callable[[T], Awaitable[object]], items: Sequence[T], at_once: int) -> float:
    """Return the items per second with `at_once` concurrent items."""
    left = iter(items)

    async def worker() -> None:
        for item in left:
            await do(item)

    begun = time.perf_counter()
    await asyncio.gather(*[worker() for _ in range(at_once)])
    return len(items) / (time.perf_counter() - begun)
