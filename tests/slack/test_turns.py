"""The users take turns, within bounds, whatever they do."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from bot.emporix import http
from bot.errors import Busy
from bot.services import agents
from bot.slack.turns import LIMITS, Limits, Turns

USERS = st.sampled_from(["ada", "grace", "linus", "margaret"])
ROOMY = Limits(running=100, waiting=1000, each_running=100, each_waiting=1000)


def taken(turns: Turns[str]) -> list[str]:
    """The items whose turn it is now."""
    found = []
    while turn := turns.next():
        found.append(turn[1])
    return found


def test_one_users_hundred_do_not_keep_another_waiting() -> None:
    """Grace comes last, and hers is the second that begins."""
    turns: Turns[str] = Turns(Limits(running=1, waiting=200, each_running=1, each_waiting=100))
    for number in range(100):
        turns.join("ada", f"ada {number}")
    turns.join("grace", "grace")
    order = []
    while turn := turns.next():
        order.append(turn[1])
        turns.leave(turn[0])
    assert order[:3] == ["ada 0", "grace", "ada 1"]
    assert len(order) == 101


def test_users_take_turns() -> None:
    """Each in the order of their own, one after the other."""
    turns: Turns[str] = Turns(ROOMY)
    for item in ("a1", "a2", "a3", "b1", "b2", "c1"):
        turns.join(item[0], item)
    assert taken(turns) == ["a1", "b1", "c1", "a2", "b2", "a3"]


def test_a_place_is_free_again_when_it_is_left() -> None:
    """Who has all the places that one may have waits for one of them, not for others."""
    turns: Turns[str] = Turns(Limits(running=3, waiting=9, each_running=1))
    for item in ("a1", "a2", "b1"):
        turns.join(item[0], item)
    assert taken(turns) == ["a1", "b1"]
    turns.leave("b")
    assert taken(turns) == []
    turns.leave("a")
    assert taken(turns) == ["a2"]


def test_refuses_whom_it_may_not_let_wait() -> None:
    """One user's queue is full before that of all is."""
    turns: Turns[str] = Turns(Limits(running=1, waiting=3, each_running=1, each_waiting=2))
    turns.join("a", "runs")
    assert taken(turns) == ["runs"]
    for item in ("waits", "waits too"):
        turns.join("a", item)
    with pytest.raises(Busy):
        turns.join("a", "too much")
    turns.join("b", "waits")
    with pytest.raises(Busy):
        turns.join("c", "too much of all")


def test_what_cannot_wait_counts_too() -> None:
    """Modals are opened beside the places, but not without end."""
    turns: Turns[str] = Turns(Limits(running=1, waiting=3, each_running=1, each_waiting=1))
    turns.enter("a")
    turns.enter("a")
    with pytest.raises(Busy):
        turns.enter("a")
    turns.join("b", "b")
    turns.enter("c")
    with pytest.raises(Busy):
        turns.enter("d")
    turns.exit("a")
    turns.enter("d")


@dataclass
class Told:
    """What is known of a user from outside: items in their order, and starts of others meanwhile.

    `passed` counts the starts of other users while this one could have run.
    """

    queued: list[int] = field(default_factory=list)
    running: int = 0
    passed: int = 0


class Fairness(RuleBasedStateMachine):
    """Anybody comes and goes in any order; bounds and fairness hold all the while."""

    def __init__(self) -> None:
        super().__init__()
        self.limits = Limits(running=3, waiting=6, each_running=2, each_waiting=3)
        self.turns: Turns[int] = Turns(self.limits)
        self.told: dict[str, Told] = {}
        self.count = 0

    @rule(user=USERS)
    def come(self, user: str) -> None:
        told = self.told.setdefault(user, Told())
        self.count += 1
        try:
            self.turns.join(user, self.count)
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
        self.turns.leave(user)
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
    def passes_nobody_over(self) -> None:
        """Between two looks at a user who could run, each other one begins at most once."""
        assert all(told.passed < len(self.told) for told in self.told.values())

    def _begin(self) -> None:
        while turn := self.turns.next():
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


def test_counts_nobody_who_has_left() -> None:
    """What is kept of a user goes with the user's last item."""
    turns: Turns[str] = Turns(ROOMY)
    turns.join("a", "item")
    turns.next()
    turns.leave("a")
    turns.enter("a")
    turns.exit("a")
    assert [value for value in vars(turns).values() if isinstance(value, dict | Counter)] == [
        {}
    ] * 3
    assert (turns.running, turns.waiting) == (0, 0)


def test_nobody_who_may_run_waits_for_a_connection() -> None:
    """Of Emporix's connections there is one for each who is let in, and one for names beside it."""
    let_in = LIMITS.running + LIMITS.waiting
    assert (http.LIMITS.max_connections or 0) >= let_in + agents.MOST_AT_ONCE
