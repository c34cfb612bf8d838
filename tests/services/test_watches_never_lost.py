"""Whatever fails, the connection of every watch is in the due index."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bot.domain.accounts import PolledConnection
from bot.domain.jobs import Job
from bot.errors import EmporixTimeout, Unauthorized
from bot.store import keys as redis_keys
from tests.harness.clock import FakeClock
from tests.harness.polling import OTHER_CIPHER, PEOPLE, PollingHarness

STEPS = (
    "watch",
    "stop",
    "end",
    "look",
    "look in vain",
    "look refused",
    "look with another key",
    "tell",
    "disconnect",
    "unreadable",
    "wait",
)
TENANTS = ("acme", "globex")

step = st.tuples(
    st.sampled_from(STEPS),
    st.integers(0, 3),
    st.sampled_from(PEOPLE),
    st.integers(0, 5),
    st.booleans(),
)


class Watchers:
    """Ada and Grace watch four jobs, every second one of another tenant."""

    def __init__(self, redis: Any) -> None:
        self.redis, self.clock = redis, FakeClock()
        self.harness = PollingHarness(redis, self.clock)
        self.other = PollingHarness(redis, self.clock, OTHER_CIPHER)

    async def do(self, what: str, number: int, person: Any, call: int, after: bool) -> None:
        """Run a step while Redis fails at one of its calls."""
        self.clock.forward(1)
        worker = self.other if what == "look with another key" else self.harness
        worker.emporix.error = {
            "look in vain": EmporixTimeout(),
            "look refused": Unauthorized(),
        }.get(what)
        await worker.broken(self.step(what, number, person), call, after=after)
        worker.emporix.error = None

    def step(self, what: str, number: int, person: Any) -> Callable[[], Awaitable[object]]:
        watching, tenant, job_id = self.harness.watches, TENANTS[number % 2], f"job-{number}"
        source = PolledConnection(person, tenant)

        async def watch() -> None:
            await watching.start(await self.harness.account(person), job_id, tenant)

        steps: dict[str, Callable[[], Awaitable[object]]] = {
            "watch": watch,
            "stop": lambda: watching.stop(person, tenant, job_id),
            "end": lambda: self.end(job_id),
            "look": lambda: watching.poll(source),
            "look in vain": lambda: watching.poll(source),
            "look refused": lambda: watching.poll(source),
            "look with another key": lambda: self.other.watches.poll(source),
            "tell": lambda: self.tell(source),
            "disconnect": lambda: watching.end_all(person, tenant),
            "unreadable": lambda: self.add_unreadable(source, job_id),
            "wait": self.wait,
        }
        return steps[what]

    async def end(self, job_id: str) -> None:
        self.harness.emporix.jobs[job_id] = Job(id=job_id, status="success")

    async def tell(self, source: PolledConnection) -> None:
        for ending in (await self.harness.watches.poll(source)).endings:
            watch = ending.watch
            await self.harness.watch_store.remove(watch.owner, watch.tenant, watch.job_id)

    async def add_unreadable(self, source: PolledConnection, job_id: str) -> None:
        """Add a watch that this process cannot decrypt, as another worker has saved it."""
        async with self.redis.pipeline(transaction=True) as pipe:
            pipe.hset(redis_keys.watches(source.owner), f"{source.tenant}:{job_id}", "1.deadbeef.x")
            pipe.zadd(redis_keys.watches_due(), {source.name: self.clock()}, lt=True)
            await pipe.execute()

    async def wait(self) -> None:
        """Let a worker claim due connections and die."""
        self.clock.forward(1_000)
        await self.harness.watch_store.connections.claim_due(self.clock(), 200)

    async def check(self) -> None:
        for person in PEOPLE:
            for field in await self.redis.hkeys(redis_keys.watches(person)):
                source = PolledConnection(person, field.partition(":")[0])
                due = await self.redis.zscore(redis_keys.watches_due(), source.name)
                assert due is not None, f"nobody looks at {field} for {person.user_id}"
                assert due <= self.clock() + 900


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(step, max_size=25))
@example([("watch", 0, PEOPLE[0], 0, False), ("look with another key", 0, PEOPLE[0], 0, False)])
@example([("watch", 1, PEOPLE[0], 0, False), ("look", 0, PEOPLE[0], 0, False)])
async def test_no_watch_is_forgotten(redis: Any, steps: list[Any]) -> None:
    """No watch is lost if Redis fails, workers die or lack the key, or records are unreadable."""
    await redis.flushall()
    watchers = Watchers(redis)
    for what, number, person, call, after in steps:
        await watchers.do(what, number, person, call, after)
        await watchers.check()
