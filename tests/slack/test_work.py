"""What takes time is bounded, and finished before the process ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import ContextVar
from functools import partial
from typing import Any

import pytest

from bot.errors import Busy
from bot.slack.turns import Limits
from bot.slack.work import Work

request: ContextVar[str] = ContextVar("request", default="none")


class Gate:
    """Tasks that note their beginning and end when they are let go."""

    def __init__(self) -> None:
        self.open, self.begun = asyncio.Event(), list[str]()

    def task(self, name: str) -> Callable[[], Coroutine[Any, Any, None]]:
        return partial(self._wait, name)

    async def begins(self, count: int) -> None:
        async with asyncio.timeout(5):
            while len(self.begun) < count:  # noqa: ASYNC110 - what begins is counted
                await asyncio.sleep(0)

    async def _wait(self, name: str) -> None:
        self.begun.append(name)
        await self.open.wait()


async def test_runs_so_many_at_once() -> None:
    """The others wait for their turn, in the order in which they came."""
    work, gate = Work(Limits(running=2)), Gate()
    for name in "abcde":
        work.start("ada", gate.task(name))
    await gate.begins(2)
    assert gate.begun == ["a", "b"]
    assert work.running == 5
    gate.open.set()
    assert await work.drain(5) == 0
    assert gate.begun == ["a", "b", "c", "d", "e"]


async def test_leaves_room_for_others() -> None:
    """Whoever has much to do does not keep another user waiting."""
    work, gate = Work(Limits(running=4, each_running=2)), Gate()
    for _ in range(10):
        work.start("ada", gate.task("ada"))
    work.start("grace", gate.task("grace"))
    await gate.begins(3)
    assert gate.begun == ["ada", "ada", "grace"]
    gate.open.set()
    await work.drain(5)


async def test_does_not_keep_a_trigger_waiting() -> None:
    """What opens a modal runs though all places are taken."""
    work, gate = Work(Limits(running=1)), Gate()
    work.start("ada", gate.task("list"))
    work.start("ada", gate.task("waits"))
    work.start("ada", gate.task("modal"), at_once=True)
    await gate.begins(2)
    assert gate.begun == ["list", "modal"]
    gate.open.set()
    await work.drain(5)


async def test_says_when_it_is_full() -> None:
    """Beyond its bound nothing more is begun; when something has ended there is room again."""
    work, gate = Work(Limits(running=1, waiting=1)), Gate()
    for name in ("runs", "waits"):
        work.start("ada", gate.task(name))
    for at_once in (False, True):
        with pytest.raises(Busy):
            work.start("grace", gate.task("too much"), at_once=at_once)
    gate.open.set()
    assert await work.drain(5) == 0
    work.start("grace", gate.task("again"))
    await work.drain(5)
    assert gate.begun == ["runs", "waits", "again"]


async def test_goes_on_after_a_failure() -> None:
    """What ends with an error gives its place to the next."""
    work, gate = Work(Limits(running=1)), Gate()
    gate.open.set()

    async def fail() -> None:
        failed.append(asyncio.current_task())
        raise ValueError

    failed = list[asyncio.Task[Any] | None]()
    work.start("ada", fail)
    work.start("ada", gate.task("next"))
    assert await work.drain(5) == 0
    assert gate.begun == ["next"]
    assert isinstance(failed[0] and failed[0].exception(), ValueError)


async def test_remembers_whose_request_it_is() -> None:
    """What has waited writes to the log under the reference of its own request."""
    work, gate, seen = Work(Limits(running=1)), Gate(), list[str]()

    async def look() -> None:
        seen.append(request.get())

    gate.open.set()
    for name in ("first", "second", "third"):
        request.set(name)
        work.start("ada", look)
    request.set("none of them")
    await work.drain(5)
    assert seen == ["first", "second", "third"]


async def test_drains_what_waits() -> None:
    """The process ends when those that wait have had their turn, too."""
    work, gate = Work(Limits(running=3, each_running=3, each_waiting=40)), Gate()
    for number in range(40):
        work.start("ada", gate.task(str(number)))
    gate.open.set()
    assert await work.drain(5) == 0
    assert len(gate.begun) == 40


async def test_does_not_drain_for_ever() -> None:
    """What hangs is counted with what waits behind it, and the process may end."""
    work, gate = Work(Limits(running=1)), Gate()
    for name in ("hangs", "waits"):
        work.start("ada", gate.task(name))
    assert await work.drain(0.01) == 2
    gate.open.set()
    await work.drain(5)


async def test_explains_although_there_is_too_much_to_do() -> None:
    """Who is refused is told why at once, and that is bounded by itself, for each user and all."""
    work, gate = Work(Limits(running=1, waiting=0)), Gate()
    work.start("ada", gate.task("work"))
    for _ in range(5):
        work.explain("ada", gate.task("why"))
    with pytest.raises(Busy):
        work.explain("ada", gate.task("why"))
    work.explain("grace", gate.task("why"))
    await gate.begins(7)
    gate.open.set()
    assert await work.drain(5) == 0
    work.explain("ada", gate.task("why"))
    assert await work.drain(5) == 0
    assert len(gate.begun) == 8
