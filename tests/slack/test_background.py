"""Background tasks are limited, and finished before the process exits."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from bot.emporix import http
from bot.errors import Busy
from bot.services import agents
from bot.slack.background import DEFAULT_QUEUE_LIMITS, BackgroundTasks, FairQueue, QueueLimits

request: ContextVar[str] = ContextVar("request", default="none")


class Gate:
    """Tasks that record their start and end, and wait for a release."""

    def __init__(self) -> None:
        self.open, self.begun = asyncio.Event(), list[str]()

    def task(self, name: str) -> Callable[[], Coroutine[Any, Any, None]]:
        return partial(self._wait, name)

    async def begins(self, count: int) -> None:
        async with asyncio.timeout(5):
            while len(self.begun) < count:  # noqa: ASYNC110 - started tasks are counted
                await asyncio.sleep(0)

    async def _wait(self, name: str) -> None:
        self.begun.append(name)
        await self.open.wait()


async def test_runs_so_many_at_once() -> None:
    """Tasks beyond the limit wait and start in order of arrival."""
    work, gate = BackgroundTasks(QueueLimits(running=2)), Gate()
    for name in "abcde":
        work.start("ada", gate.task(name))
    await gate.begins(2)
    assert gate.begun == ["a", "b"]
    assert work.running == 5
    gate.open.set()
    assert await work.drain(5) == 0
    assert gate.begun == ["a", "b", "c", "d", "e"]


async def test_leaves_room_for_others() -> None:
    """A user with many requests doesn't delay another user."""
    work, gate = BackgroundTasks(QueueLimits(running=4, each_running=2)), Gate()
    for _ in range(10):
        work.start("ada", gate.task("ada"))
    work.start("grace", gate.task("grace"))
    await gate.begins(3)
    assert gate.begun == ["ada", "ada", "grace"]
    gate.open.set()
    await work.drain(5)


async def test_does_not_keep_a_trigger_waiting() -> None:
    """Opening a modal starts at once even if all slots are occupied."""
    work, gate = BackgroundTasks(QueueLimits(running=1)), Gate()
    work.start("ada", gate.task("list"))
    work.start("ada", gate.task("waits"))
    work.start("ada", gate.task("modal"), at_once=True)
    await gate.begins(2)
    assert gate.begun == ["list", "modal"]
    gate.open.set()
    await work.drain(5)


async def test_says_when_it_is_full() -> None:
    """Nothing starts beyond the limit until a task has ended."""
    work, gate = BackgroundTasks(QueueLimits(running=1, waiting=1)), Gate()
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


async def test_a_failed_task_frees_its_slot() -> None:
    """A failed task frees its slot."""
    work, gate = BackgroundTasks(QueueLimits(running=1)), Gate()
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
    """A task that waited logs with the reference of its own request."""
    work, gate, seen = BackgroundTasks(QueueLimits(running=1)), Gate(), list[str]()

    async def look() -> None:
        seen.append(request.get())

    gate.open.set()
    for name in ("first", "second", "third"):
        request.set(name)
        work.start("ada", look)
    request.set("none of them")
    await work.drain(5)
    assert seen == ["first", "second", "third"]


async def test_draining_runs_waiting_tasks() -> None:
    """Draining also runs the waiting tasks."""
    work, gate = BackgroundTasks(QueueLimits(running=3, each_running=3, each_waiting=40)), Gate()
    for number in range(40):
        work.start("ada", gate.task(str(number)))
    gate.open.set()
    assert await work.drain(5) == 0
    assert len(gate.begun) == 40


async def test_does_not_drain_for_ever() -> None:
    """Draining returns after its timeout and counts the unfinished and waiting tasks."""
    work, gate = BackgroundTasks(QueueLimits(running=1)), Gate()
    for name in ("hangs", "waits"):
        work.start("ada", gate.task(name))
    assert await work.drain(0.01) == 2
    gate.open.set()
    await work.drain(5)


async def test_explains_although_there_is_too_much_to_do() -> None:
    """A refused user gets the reason at once, with limits per user and in total."""
    work, gate = BackgroundTasks(QueueLimits(running=1, waiting=0)), Gate()
    work.start("ada", gate.task("work"))
    for _ in range(5):
        work.start_explanation("ada", gate.task("why"))
    with pytest.raises(Busy):
        work.start_explanation("ada", gate.task("why"))
    work.start_explanation("grace", gate.task("why"))
    await gate.begins(7)
    gate.open.set()
    assert await work.drain(5) == 0
    work.start_explanation("ada", gate.task("why"))
    assert await work.drain(5) == 0
    assert len(gate.begun) == 8


USERS = st.sampled_from(["ada", "grace", "linus", "margaret"])
ROOMY = QueueLimits(running=100, waiting=1000, each_running=100, each_waiting=1000)


def taken(turns: FairQueue[str]) -> list[str]:
    """The items that can run now."""
    found = []
    while turn := turns.pop():
        found.append(turn[1])
    return found


def test_one_users_hundred_do_not_keep_another_waiting() -> None:
    """A second user is served next, even if the first one has a hundred items waiting."""
    turns: FairQueue[str] = FairQueue(
        QueueLimits(running=1, waiting=200, each_running=1, each_waiting=100)
    )
    for number in range(100):
        turns.enqueue("ada", f"ada {number}")
    turns.enqueue("grace", "grace")
    order = []
    while turn := turns.pop():
        order.append(turn[1])
        turns.release(turn[0])
    assert order[:3] == ["ada 0", "grace", "ada 1"]
    assert len(order) == 101


def test_users_are_served_in_turn() -> None:
    """Users are served in turn, and the items of each in their order."""
    turns: FairQueue[str] = FairQueue(ROOMY)
    for item in ("a1", "a2", "a3", "b1", "b2", "c1"):
        turns.enqueue(item[0], item)
    assert taken(turns) == ["a1", "b1", "c1", "a2", "b2", "a3"]


def test_a_place_is_free_again_when_it_is_left() -> None:
    """A user at their limit waits only for their own slots."""
    turns: FairQueue[str] = FairQueue(QueueLimits(running=3, waiting=9, each_running=1))
    for item in ("a1", "a2", "b1"):
        turns.enqueue(item[0], item)
    assert taken(turns) == ["a1", "b1"]
    turns.release("b")
    assert taken(turns) == []
    turns.release("a")
    assert taken(turns) == ["a2"]


def test_refuses_whom_it_may_not_let_wait() -> None:
    """A user's queue is full before the total limit is reached."""
    turns: FairQueue[str] = FairQueue(
        QueueLimits(running=1, waiting=3, each_running=1, each_waiting=2)
    )
    turns.enqueue("a", "runs")
    assert taken(turns) == ["runs"]
    for item in ("waits", "waits too"):
        turns.enqueue("a", item)
    with pytest.raises(Busy):
        turns.enqueue("a", "too much")
    turns.enqueue("b", "waits")
    with pytest.raises(Busy):
        turns.enqueue("c", "too much of all")


def test_unqueued_work_is_limited_too() -> None:
    """Unqueued work needs no slot, but is limited too."""
    turns: FairQueue[str] = FairQueue(
        QueueLimits(running=1, waiting=3, each_running=1, each_waiting=1)
    )
    turns.start_unqueued("a")
    turns.start_unqueued("a")
    with pytest.raises(Busy):
        turns.start_unqueued("a")
    turns.enqueue("b", "b")
    turns.start_unqueued("c")
    with pytest.raises(Busy):
        turns.start_unqueued("d")
    turns.end_unqueued("a")
    turns.start_unqueued("d")


@dataclass
class Told:
    """The observed order of a user's items and of the starts of other users.

    `passed` counts the starts of other users while this one could have run.
    """

    queued: list[int] = field(default_factory=list)
    running: int = 0
    passed: int = 0


class Fairness(RuleBasedStateMachine):
    """Limits and fairness hold for any order of arrivals and ends."""

    def __init__(self) -> None:
        super().__init__()
        self.limits = QueueLimits(running=3, waiting=6, each_running=2, each_waiting=3)
        self.turns: FairQueue[int] = FairQueue(self.limits)
        self.told: dict[str, Told] = {}
        self.count = 0

    @rule(user=USERS)
    def come(self, user: str) -> None:
        told = self.told.setdefault(user, Told())
        self.count += 1
        try:
            self.turns.enqueue(user, self.count)
        except Busy:
            assert (
                len(told.queued) == self.limits.each_waiting
                or self.turns.waiting == self.limits.waiting
            )
            return
        told.queued.append(self.count)
        self._begin()

    @precondition(lambda self: any(told.running for told in self.told.values()))
    @rule(data=st.data())
    def go(self, data: st.DataObject) -> None:
        running = sorted(user for user, told in self.told.items() if told.running)
        user = data.draw(st.sampled_from(running))
        self.told[user].running -= 1
        self.turns.release(user)
        self._begin()

    @invariant()
    def keeps_its_bounds(self) -> None:
        running = [told.running for told in self.told.values()]
        waiting = [len(told.queued) for told in self.told.values()]
        assert self.turns.running == sum(running) <= self.limits.running
        assert self.turns.waiting == sum(waiting) <= self.limits.waiting
        assert max(running, default=0) <= self.limits.each_running
        assert max(waiting, default=0) <= self.limits.each_waiting

    @invariant()
    def leaves_no_place_empty(self) -> None:
        if any(self._could_run(user) for user in self.told):
            assert self.turns.running == self.limits.running

    @invariant()
    def serves_each_user(self) -> None:
        """While a user can run, each other user starts at most one item."""
        assert all(told.passed < len(self.told) for told in self.told.values())

    def _begin(self) -> None:
        while turn := self.turns.pop():
            user, item = str(turn[0]), turn[1]
            told = self.told[user]
            assert item == told.queued.pop(0)
            told.running += 1
            for other in self.told:
                waits = other != user and self._could_run(other)
                self.told[other].passed = self.told[other].passed + 1 if waits else 0

    def _could_run(self, user: str) -> bool:
        told = self.told[user]
        return bool(told.queued) and told.running < self.limits.each_running


TestFairness = Fairness.TestCase


def test_forgets_users_without_items() -> None:
    """A user's last item removes all data about them."""
    turns: FairQueue[str] = FairQueue(ROOMY)
    turns.enqueue("a", "item")
    turns.pop()
    turns.release("a")
    turns.start_unqueued("a")
    turns.end_unqueued("a")
    assert [value for value in vars(turns).values() if isinstance(value, dict | Counter)] == [
        {}
    ] * 3
    assert (turns.running, turns.waiting) == (0, 0)


def test_there_is_a_connection_for_each_running_task() -> None:
    """There is one connection to Emporix per running task, and one more for agent names."""
    let_in = DEFAULT_QUEUE_LIMITS.running + DEFAULT_QUEUE_LIMITS.waiting
    assert (http.CONNECTION_LIMITS.max_connections or 0) >= let_in + agents.MAX_NAMES_CALLS
