"""Redis fails at any call, before or after its effect: no clean-up is lost or deletes too much."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.errors import BotError, EmporixFailed
from bot.store import keys as redis_keys
from bot.store.encryption import Cipher, new_key, parse_keys
from tests.harness.clock import FakeClock
from tests.harness.faulty_redis import faulty_client
from tests.services.cleanups.fixtures import FILTERS, CleanupHarness, Killed, on_call
from tests.store.fixtures import ADA

STRANGER = Cipher(parse_keys(new_key()))
ACTS = ("slice", "stranger", "stop", "confirm", "continue", "claim", "reconcile", "another", "wait")

ACT = st.tuples(
    st.sampled_from(ACTS),
    st.integers(0, 40),  # the call that fails, 0 for none
    st.booleans(),  # after its effect, or before
    st.sampled_from(["", "fails", "kills", "is killed"]),  # what else happens during a slice
)


class Machine:
    """Clean-ups of twelve jobs; each action of users and workers is an act."""

    def __init__(self, redis: Any, clock: FakeClock) -> None:
        self.redis, self.clock = redis, clock
        self.broken = faulty_client(redis)
        self.harness = CleanupHarness(self.broken, clock)
        self.stranger = CleanupHarness(self.broken, clock, cipher=STRANGER)
        self.counted = {self.harness.job_list.put(age) for age in range(12)}
        self.harness.job_list.put(1, agent="b")
        self.asked: dict[str, str] = {}
        self.deletes: Counter[str] = Counter()
        self.interruptions = 0

    async def ask(self) -> None:
        preview = await self.harness.cleaning.preview(
            await self.harness.accounts.load(ADA), FILTERS
        )
        if preview.cleanup.counted:
            self.asked[preview.cleanup.id] = str(preview.cleanup.counted)

    async def act(self, name: str, fault: int, after: bool, more: str) -> None:
        """Run one act, in which Redis may fail at a call."""
        self._arrange(more)
        with self.broken.faults.at(fault, after=after):
            try:
                for clean_id in list(self.asked)[-2:]:
                    await self._do(name, clean_id)
            except (BotError, Killed):
                self.interruptions += 1
            self.interruptions += 0 < fault <= self.broken.faults.calls
        await self.redis.delete(*map(redis_keys.cleanup_lease, self.asked))  # the leases expire

    async def _do(self, name: str, clean_id: str) -> None:
        harness = self.harness
        acts: dict[str, Callable[[], Awaitable[object]]] = {
            "slice": lambda: harness.runs.run(clean_id, harness.owner.reached),
            "stranger": lambda: self.stranger.runs.run(clean_id, self.stranger.owner.reached),
            "stop": lambda: harness.cleaning.stop(ADA, clean_id),
            "confirm": lambda: harness.cleaning.confirm(ADA, clean_id, self.asked[clean_id]),
            "continue": lambda: self._continue(clean_id),
            "claim": lambda: harness.store.due.claim(self.clock(), 100),
            "reconcile": lambda: harness.store.due.reconcile(self.clock()),
            "another": self.ask,
            "wait": self._wait,
        }
        await acts[name]()

    async def _continue(self, clean_id: str) -> None:
        account = await self.harness.accounts.load(ADA)
        asked = await self.harness.cleaning.count_remaining(account, clean_id)
        self.asked[asked.id] = str(asked.counted)

    async def _wait(self) -> None:
        self.clock.forward(700)

    def _arrange(self, more: str) -> None:
        emporix = self.harness.emporix
        emporix.before, emporix.after = self._count, lambda _: None
        if more == "fails":
            emporix.after = on_call(3, EmporixFailed())
        elif more == "kills":
            emporix.after = on_call(3, Killed())
        elif more == "is killed":
            self.harness.owner.before_file = on_call(1, Killed())
        if more in ("fails", "kills"):
            self.interruptions += 5

    def _count(self, job_id: str) -> None:
        self.deletes[job_id] += 1

    async def running(self) -> set[str]:
        states = {i: await self.redis.hget(redis_keys.cleanup(i), "state") for i in self.asked}
        return {clean_id for clean_id, state in states.items() if state == "running"}

    async def due(self) -> set[str]:
        return set(await self.redis.zrange(redis_keys.cleanups_due(), 0, -1))

    async def run_to_end(self) -> None:
        """Without further faults, workers run everything that is due."""
        self._arrange("")
        self.harness.owner.before_file = lambda _: None
        for _ in range(200):
            for clean_id in await self.due():
                await self.harness.runs.run(clean_id, self.harness.owner.reached)
            self.clock.forward(10)
        assert await self.due() == set()


@contextmanager
def quiet() -> Iterator[None]:
    """Silence the log lines of hundreds of faults."""
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(acts=st.lists(ACT, min_size=1, max_size=12))
async def test_no_clean_up_is_lost_whatever_redis_does(
    redis: Any, acts: list[tuple[str, int, bool, str]]
) -> None:
    """A clean-up that has started and not ended is in the due index after any fault."""
    await redis.flushall()
    machine = Machine(redis, FakeClock())
    with quiet():
        await machine.ask()
        await machine.act("confirm", 0, False, "")
        for act in acts:
            await machine.act(*act)
            assert await machine.running() == await machine.due()
        await machine.run_to_end()
    assert await machine.running() == set()
    deleted = machine.harness.emporix.deleted
    assert set(deleted) <= machine.counted
    assert len(deleted) == len(set(deleted))
    assert max(machine.deletes.values(), default=0) <= 1 + machine.interruptions
    assert await redis.keys("*:cleanups:active:*") == []


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("name", ["confirm", "slice"])
async def test_each_call_of_a_clean_up_may_fail(redis: Any, name: str, after: bool) -> None:
    """With one fault at any call, all twelve jobs are still deleted."""
    for call in count(1):
        await redis.flushall()
        machine = Machine(redis, FakeClock())
        with quiet():
            await machine.ask()
            if name == "slice":
                await machine.act("confirm", 0, False, "")
            await machine.act(name, call, after, "")
            if machine.broken.faults.calls < call:  # the act made fewer calls
                break
            assert await machine.running() == await machine.due()
            await machine.act("confirm", 0, False, "")
            await machine.run_to_end()
        (clean_id,) = machine.asked
        clean = await machine.harness.store.load(clean_id)
        assert clean is not None
        assert (clean.end_reason, call) == ("done", call)
        assert sorted(machine.harness.emporix.deleted) == sorted(machine.counted)
    assert call > (20 if name == "slice" else 3)
