"""What takes time is bounded, and finished before the process ends."""

from __future__ import annotations

import asyncio

from bot.slack.work import Work


async def test_runs_so_many_at_once() -> None:
    """The others wait for their turn."""
    work, gate, begun = Work(at_once=2, waiting=10), asyncio.Event(), []

    async def task(number: int) -> None:
        begun.append(number)
        await gate.wait()

    for number in range(5):
        work.start(task(number))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert begun == [0, 1]
    gate.set()
    assert await work.drain(5) == 0
    assert begun == [0, 1, 2, 3, 4]


async def test_does_not_keep_a_trigger_waiting() -> None:
    """What opens a modal runs though all places are taken."""
    work, gate, begun = Work(at_once=1, waiting=10), asyncio.Event(), []

    async def wait() -> None:
        await gate.wait()

    async def open_modal() -> None:
        begun.append("modal")

    work.start(wait())
    work.start(open_modal(), at_once=True)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert begun == ["modal"]
    gate.set()
    await work.drain(5)


async def test_says_when_it_is_full() -> None:
    """Beyond its bound nothing more should be started."""
    work, gate = Work(at_once=1, waiting=1), asyncio.Event()

    async def wait() -> None:
        await gate.wait()

    work.start(wait())
    assert not work.is_full
    work.start(wait())
    assert work.is_full
    assert work.running == 2
    gate.set()
    await work.drain(5)
    assert work.running == 0
    assert not work.is_full


async def test_does_not_drain_for_ever() -> None:
    """What hangs is counted, and the process may end."""
    work, gate = Work(), asyncio.Event()

    async def hang() -> None:
        await gate.wait()

    work.start(hang())
    assert await work.drain(0.01) == 1
    gate.set()
    await work.drain(5)
