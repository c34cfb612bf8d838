"""Whatever fails, the connection of every alert that is not paused is in the due index."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bot.domain.accounts import PolledConnection
from bot.domain.filters import Filters
from bot.errors import EmporixTimeout, Unauthorized
from bot.store import keys as redis_keys
from bot.store.alerts import AlertStore
from tests.harness.clock import FakeClock
from tests.harness.polling import CIPHER, OTHER_CIPHER, PEOPLE, PollingHarness

OPS = "C0OPS"
WANTED = (Filters(), Filters(statuses=("skipped",)), Filters(agents=("fraud-agent",)))
STEPS = (
    "on",
    "off",
    "all off",
    "mute",
    "unmute",
    "resume",
    "pause",
    "disconnect",
    "look",
    "look in vain",
    "look refused",
    "look with another key",
    "post",
    "notice",
    "unreadable",
    "wait",
)

step = st.tuples(
    st.sampled_from(STEPS),
    st.integers(0, 2),
    st.sampled_from(PEOPLE),
    st.integers(0, 7),
    st.booleans(),
)


class Channel:
    """#ops, its alerts and the workers that poll them."""

    def __init__(self, redis: Any) -> None:
        self.redis, self.clock = redis, FakeClock()
        self.harness = PollingHarness(redis, self.clock)
        self.other = PollingHarness(redis, self.clock, OTHER_CIPHER)
        self.store = AlertStore(redis, CIPHER)
        self.unreadable = 0

    async def do(self, what: str, number: int, person: Any, call: int, after: bool) -> None:
        """Run a step while Redis fails at one of its calls."""
        self.clock.forward(1)
        there = await self.store.of_channel("T0ACME", OPS)
        chosen = there[number].id if number < len(there) else "gone"
        worker = self.other if what == "look with another key" else self.harness
        worker.emporix.error = {
            "look in vain": EmporixTimeout(),
            "look refused": Unauthorized(),
        }.get(what)
        await worker.broken(self.step(what, number, person, chosen), call, after=after)
        worker.emporix.error = None

    def step(
        self, what: str, number: int, person: Any, chosen: str
    ) -> Callable[[], Awaitable[object]]:
        alerts, lifecycle, until = self.harness.alerts, self.harness.lifecycle, self.clock() + 7_200

        async def account() -> Any:
            return await self.harness.account(person)

        async def on() -> None:
            await alerts.turn_on(await account(), OPS, WANTED[number])

        async def resume() -> None:
            await alerts.resume(await account(), OPS, chosen)

        steps: dict[str, Callable[[], Awaitable[object]]] = {
            "on": on,
            "off": lambda: alerts.turn_off(person, OPS, chosen),
            "all off": lambda: alerts.turn_off(person, OPS),
            "mute": lambda: alerts.mute(person, OPS, until, chosen),
            "unmute": lambda: alerts.mute(person, OPS, 0.0, chosen),
            "resume": resume,
            "pause": lambda: lifecycle.pause(chosen, "filters"),
            "disconnect": lambda: alerts.pause_disconnected(person, "acme"),
            "look": lambda: self.harness.poller.poll(PolledConnection(person, "acme")),
            "look in vain": lambda: self.harness.poller.poll(PolledConnection(person, "acme")),
            "look refused": lambda: self.harness.poller.poll(PolledConnection(person, "acme")),
            "look with another key": lambda: self.other.poller.poll(
                PolledConnection(person, "acme")
            ),
            "post": lambda: self.posted(chosen),
            "notice": lambda: self.noticed(chosen),
            "unreadable": lambda: self.add_unreadable(PolledConnection(person, "acme")),
            "wait": self.wait,
        }
        return steps[what]

    async def posted(self, chosen: str) -> None:
        if alert := await self.harness.alert_store.load(chosen):
            await self.harness.lifecycle.mark_posted(alert, ())

    async def noticed(self, chosen: str) -> None:
        if alert := await self.harness.alert_store.load(chosen):
            await self.harness.lifecycle.record_notice(alert)

    async def add_unreadable(self, source: PolledConnection) -> None:
        """Add an alert that this process cannot decrypt, as another worker has saved it."""
        await self.harness.poller.poll(source)
        if await self.redis.zscore(redis_keys.alerts_due(), source.name) is None:
            return
        self.unreadable += 1
        name = f"lost-{self.unreadable}"
        async with self.redis.pipeline(transaction=True) as pipe:
            pipe.hset(redis_keys.alert(name), mapping={"version": 1, "record": "1.deadbeef.x"})
            pipe.sadd(redis_keys.alerts_of_connection(source.name), name)
            pipe.hset(redis_keys.alerts_of_channel("T0ACME", OPS), name, "")
            await pipe.execute()

    async def wait(self) -> None:
        """Let a worker claim due connections and die."""
        self.clock.forward(1_000)
        await self.harness.alert_store.connections.claim_due(self.clock(), 200)

    async def check(self) -> None:
        """Every alert is due within a quarter of an hour, or when its mute ends."""
        for person in PEOPLE:
            source = PolledConnection(person, "acme")
            due = await self.redis.zscore(redis_keys.alerts_due(), source.name)
            if await self.redis.scard(redis_keys.alerts_of_connection(source.name)):
                assert due is not None, f"nobody looks for {person.user_id}"
            for alert in await self.store.of_connection(source):
                assert alert.paused or due <= max(self.clock() + 900, alert.muted_until)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(step, max_size=25))
@example([("on", 0, PEOPLE[0], 3, False), ("on", 0, PEOPLE[0], 0, False)])
@example([("on", 0, PEOPLE[0], 0, False), ("look with another key", 0, PEOPLE[0], 0, False)])
@example(
    [
        ("on", 0, PEOPLE[0], 0, False),
        ("pause", 0, PEOPLE[0], 0, False),
        ("look", 0, PEOPLE[0], 0, False),
        ("resume", 0, PEOPLE[0], 3, True),
    ]
)
async def test_no_alert_is_forgotten(redis: Any, steps: list[Any]) -> None:
    """No alert is lost if Redis fails, workers die or lack the key, or records are unreadable."""
    await redis.flushall()
    channel = Channel(redis)
    for what, number, person, call, after in steps:
        await channel.do(what, number, person, call, after)
        await channel.check()
