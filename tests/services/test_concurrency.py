"""Concurrent calls, and one call shared by several callers."""

from __future__ import annotations

import asyncio

import pytest

from bot.services.concurrency import SingleFlight, gather_all
from tests.harness.clock import FakeClock


class Source:
    """A call that ends when it is released; `calls` counts how often it was started."""

    def __init__(self) -> None:
        self.calls, self.error, self.released = 0, False, asyncio.Event()

    async def call(self) -> str:
        self.calls += 1
        number = self.calls
        await self.released.wait()
        if self.error:
            raise ValueError
        return f"result {number}"


async def let_start() -> None:
    for _ in range(3):
        await asyncio.sleep(0)


async def test_returns_all_results_in_order() -> None:
    """The order of results does not depend on which call ends first."""
    ready = asyncio.Event()

    async def late() -> str:
        await ready.wait()
        return "late"

    async def early() -> str:
        ready.set()
        return "early"

    assert await gather_all(late(), early()) == ["late", "early"]


async def test_leaves_nothing_running_behind_an_error() -> None:
    """An error is raised only after all other calls have ended."""
    ended = False

    async def fail() -> None:
        raise ValueError

    async def succeed() -> None:
        nonlocal ended
        for _ in range(5):
            await asyncio.sleep(0)
        ended = True

    with pytest.raises(ValueError):  # noqa: PT011 - it has no message
        await gather_all(fail(), succeed())
    assert ended


async def test_callers_share_a_call_that_survives_cancellation() -> None:
    """Two callers share one call, which continues when the first caller is cancelled."""
    source, flight = Source(), SingleFlight[str](FakeClock())
    first, second = [asyncio.create_task(flight.get("key", source.call)) for _ in range(2)]
    await let_start()
    first.cancel()
    source.released.set()
    assert await second == "result 1"
    assert first.cancelled()
    assert (source.calls, len(flight)) == (1, 0)


async def test_results_are_cached_for_their_time() -> None:
    """A result is reused until it expires; then there is a new call."""
    clock, source = FakeClock(), Source()
    flight = SingleFlight[str](clock, lambda result: 60.0 if result == "result 1" else 0.0)
    source.released.set()
    found = [await flight.get("key", source.call) for _ in range(2)]
    clock.forward(60)
    found += [await flight.get("key", source.call) for _ in range(2)]
    assert found == ["result 1", "result 1", "result 2", "result 3"]


async def test_errors_are_not_cached() -> None:
    """All callers get the error of their call, and the next one makes a new call."""
    source, flight = Source(), SingleFlight[str](FakeClock(), lambda _: 60.0)
    source.error = True
    source.released.set()
    for _ in range(2):
        with pytest.raises(ValueError):  # noqa: PT011 - it has no message
            await flight.get("key", source.call)
    assert source.calls == 2


async def test_close_cancels_running_calls() -> None:
    """No call is running after the process has closed its connections."""
    source, flight = Source(), SingleFlight[str](FakeClock())
    task = flight.start("key", source.call)
    await let_start()
    await flight.close()
    assert task.cancelled()
    assert len(flight) == 0
