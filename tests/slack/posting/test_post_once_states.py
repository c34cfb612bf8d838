"""Messages are posted exactly once for two workers, a scripted Slack and any order of events."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Coroutine
from itertools import pairwise
from typing import Any
from uuid import uuid4

import hypothesis.strategies as st
import pytest
from hypothesis import settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from bot.slack.posting.post_once import OutgoingMessage
from tests.harness.clock import FakeClock
from tests.harness.stepped_workers import (
    ANSWERED,
    ClockedLoop,
    GatedRedis,
    ScriptedSlack,
    SteppedWorker,
)

CHANNELS = {"digest": "C1", "thread": "C1", "alert": "C2"}
WAITED = 0.002  # seconds; shorter waits are ignored
APART = 1.05 - WAITED
MESSAGE = {"text": "x", "blocks": [{"type": "divider"}]}
SAFE = ("ok", "limited", "limited", "refused")
UNKNOWN = ("late", "cut", "cut posted", "500", "200 posted")
OUTCOMES = SAFE + UNKNOWN
NAMES = st.sampled_from(["digest", "digest", "thread", "thread", "alert"])
SECONDS = st.sampled_from([0.1, 0.5, 3.0, 9.0, 25.0, 25.0])
MOST_MESSAGES = 36  # the search covers ten pages of four messages
EVENTS = ("kill 0", "kill 1", "write C1", "write C2", "history")


class OnceMachine(RuleBasedStateMachine):
    """Invariants: no message twice, 1.05 s between messages of a channel, none during Slack's
    pause.

    Finally, each started message is posted, if the history can be read.
    """

    url = ""

    def __init__(self) -> None:
        super().__init__()
        self.clock = FakeClock()
        self.slack = ScriptedSlack(self.clock, on_post=self.posting)
        self.runner = asyncio.Runner(loop_factory=lambda: ClockedLoop(self.clock))
        self.workers = self.run(self._open())
        self.team = uuid4().hex
        self.day = 0
        self.begun: dict[str, OutgoingMessage] = {}
        self.sender = self.workers[0]
        self.held_until, self.held_at_call = 0.0, 0
        self.in_turn = dict[str, list[float]]()

    async def _open(self) -> list[SteppedWorker]:
        return [SteppedWorker(self.url, self.clock, self.slack) for _ in range(2)]

    def run(self, doing: Coroutine[Any, Any, Any]) -> Any:
        return self.runner.run(doing)

    @initialize(shows_metadata=st.booleans(), history=st.sampled_from(["ok", "ok", "refused"]))
    def begin(self, shows_metadata: bool, history: str) -> None:
        self.slack.shows_metadata, self.slack.history = shows_metadata, history

    def posting(self, message: dict[str, Any]) -> None:
        """Check the invariants when a message reaches Slack."""
        self.in_turn.setdefault(message["channel"], []).append(self.clock())
        if self.clock() < self.held_until - WAITED:
            assert self.sender.last_call < self.held_at_call, "posted in a pause"

    @rule(
        number=st.integers(0, 1),
        name=NAMES,
        outcome=st.sampled_from(OUTCOMES),
        steps=st.sampled_from([2, 3, 4, 30, 30]),
    )
    def work(self, number: int, name: str, outcome: str, steps: int) -> None:
        """A worker starts a task, possibly early, or continues its own.

        It performs this many steps; a post among them has this outcome.
        """
        worker = self.workers[number]
        self.slack.outcome, self.sender = outcome, worker
        if worker.is_idle:
            full = f"{self.team}:{name}:{self.day}"
            post = OutgoingMessage(full, self.team, CHANNELS[name], self.clock())
            post = self.begun.setdefault(full, post)
            self.run(worker.start(post, MESSAGE))
        for _ in range(steps):
            self._step(worker)

    @rule(
        name=NAMES,
        steps=st.integers(0, 3),
        seconds=SECONDS,
        other=NAMES,
        outcome=st.sampled_from(OUTCOMES),
        back=st.sampled_from(("ok", "ok", *OUTCOMES)),
    )
    def overtake(
        self,
        name: str,
        steps: int,
        seconds: float,
        other: str,
        outcome: str,
        back: str,
    ) -> None:
        """A worker is suspended, another one completes a task, then the first continues."""
        if len(self.begun) < MOST_MESSAGES // 3:
            self.day += 1
        self.work(0, name, back, steps)
        self.time_passes(seconds)
        self.work(1, other, outcome, 30)
        self.work(0, name, back, 30)

    def _step(self, worker: SteppedWorker) -> None:
        if worker.is_idle:
            return
        if self.clock() < worker.wakes_at:
            self.time_passes(worker.wakes_at - self.clock())
        limited = worker.slack_limits
        self.run(worker.step())
        if worker.slack_limits > limited:
            self._hold(worker)

    def _hold(self, worker: SteppedWorker) -> None:
        """The pause applies to others as soon as the worker has stored it."""
        self.run(worker.finish())
        self.held_until = max(self.held_until, self.clock() + self.slack.retry_after)
        self.held_at_call = GatedRedis.calls

    @rule(seconds=SECONDS)
    def time_passes(self, seconds: float) -> None:
        """Let time pass; idle workers are suspended.

        Between the answer to a claim and the post, only suspended workers let time pass, and more
        than two seconds: shorter times only slow the pace and never cause a duplicate.
        """
        if any(worker.gate.place == ANSWERED for worker in self.workers if not worker.is_idle):
            seconds = max(seconds, 3.0)
        self.clock.forward(seconds)
        self.slack.time_passes()

    @rule(event=st.sampled_from(EVENTS))
    def happens(self, event: str) -> None:
        kind, _, what = event.partition(" ")
        if kind == "kill":
            self.run(self.workers[int(what)].kill())
        elif kind == "history":
            others = {"ok": "broken", "broken": "ok"}
            self.slack.history = others.get(self.slack.history, self.slack.history)
        elif len(self.slack.posted) < MOST_MESSAGES // 3:
            ts = f"{self.clock():.6f}"
            self.slack.posted.append({"channel": what, "ts": ts, "blocks": []})

    @invariant()
    def nothing_is_there_twice(self) -> None:
        assert [name for name, count in self.counts().items() if count > 1] == []

    @invariant()
    def messages_of_a_channel_are_apart(self) -> None:
        for times in self.in_turn.values():
            assert all(second - first >= APART for first, second in pairwise(times))

    def counts(self) -> Counter[str]:
        named = [message.get("metadata") for message in self.slack.posted]
        return Counter(one["event_payload"]["name"] for one in named if one)

    def teardown(self) -> None:
        """After all faults end, each message is retried until it is posted."""
        if self.slack.history == "broken":
            self.slack.history = "ok"
        self.slack.outcome = "ok"
        for worker in self.workers:
            self.run(worker.kill())
        self.sender = self.workers[0]
        for post in self.begun.values():
            self._until_done(post)
        self.nothing_is_there_twice()
        if self.slack.history == "ok":
            assert self.counts() == {post.key: 1 for post in self.begun.values()}
        for worker in self.workers:
            self.run(worker.close())
        self.runner.close()

    def _until_done(self, post: OutgoingMessage) -> None:
        for _ in range(10):
            self.time_passes(25.0)
            self.run(self.workers[0].start(post, MESSAGE))
            ended = self.run(self.workers[0].finish())
            if isinstance(ended, str):
                return
        raise AssertionError(f"{post.key} finds no end: {ended!r}")


@pytest.mark.timeout(170)  # takes some seconds on a busy machine
def test_each_message_is_posted_exactly_once(redis_url: str) -> None:
    """Each message is posted exactly once, for any answer of Slack and any crash or suspension."""
    machine = type("Machine", (OnceMachine,), {"url": redis_url})
    run_state_machine_as_test(
        machine, settings=settings(max_examples=100, stateful_step_count=30, deadline=None)
    )
