"""Two sides are measured alternately, so that disturbances affect both."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from bench.comparison import p50, percentile, rate, ratios


async def test_the_sides_alternate() -> None:
    """After a warm-up round, the sides alternate in starting."""
    order = []
    values = {"ours": iter([0.1, 1.0, 2.0]), "theirs": iter([0.1, 5.0, 4.0])}

    async def measured(name: str) -> float:
        order.append(name)
        return next(values[name])

    found = await ratios(
        lambda: measured("ours"), lambda: measured("theirs"), 2, most_is_best=False
    )
    assert found == [0.25]
    assert order == ["theirs", "ours", "ours", "theirs", "theirs", "ours"]


@pytest.mark.parametrize(("most_is_best", "found"), [(False, [1 / 10]), (True, [9 / 40])])
async def test_the_best_quarter_counts(most_is_best: bool, found: list[float]) -> None:
    """Disturbed rounds of one side change neither its result nor the other's."""
    ours = iter([0.1, 4.0, 1.0, 9.0, 2.0])
    theirs = iter([0.1, 20.0, 40.0, 10.0, 30.0])

    async def following(values: Iterator[float]) -> float:
        return next(values)

    sides = (lambda: following(ours)), (lambda: following(theirs))
    assert await ratios(*sides, 4, most_is_best=most_is_best) == found


async def test_half_are_faster_than_the_p50() -> None:
    """Each call starts after the previous one."""
    values = iter([5.0, 1.0, 9.0])

    async def once() -> float:
        return next(values)

    assert await p50(once, 3) == 5.0


async def test_the_number_of_concurrent_items() -> None:
    """Every item is done once, with at most this many at once."""
    running, most, done = 0, 0, []

    async def do(item: int) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1
        done.append(item)

    assert await rate(do, range(50), 8) > 0
    assert most == 8
    assert sorted(done) == list(range(50))


@pytest.mark.parametrize(("percent", "value"), [(50, 101), (99, 199), (100, 200)])
def test_percentiles(percent: float, value: int) -> None:
    """The p99 of 200 values is the second highest."""
    assert percentile(range(200, 0, -1), percent) == value
