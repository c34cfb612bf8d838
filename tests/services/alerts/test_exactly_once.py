"""Every change that a poll finds is posted exactly once, in any order of events."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, cast

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.accounts import Account, Caller, Connection, Credentials, PolledConnection
from bot.domain.alerts import Alert, PostedAlert
from bot.domain.conditions import Watermark
from bot.domain.filters import Filters
from bot.domain.jobs import Job, JobPage
from bot.domain.responses import AlertResponses
from bot.emporix.query import TimeRange
from bot.errors import EmporixTimeout
from bot.services.alerts.grouping import MAX_ALERT_ROWS, group_changes, posts_after
from bot.services.alerts.lifecycle import AlertLifecycle
from bot.services.alerts.poll import AlertPoller
from bot.services.jobs import JobsById
from bot.services.session_logs import ErrorLines
from bot.store.alerts import ALERT_SERIALIZER
from sandbox.emporix.times import iso
from tests.harness.clock import FakeClock

ADA = Caller("T0ACME", "U0ADA")
HELD = Connection(ADA, "acme", Credentials("id", "secret"), frozenset(), 0.0)
SOURCE = PolledConnection(ADA, "acme")
MESSAGES = ("No such order.", "The tool timed out after a while.", "Quota exceeded.")


@dataclass
class FakeEmporix:
    """Jobs by id; `answers` says whether the next list arrives, `listed` is what has arrived."""

    jobs: dict[str, Job] = field(default_factory=dict)
    answers: bool = True
    listed: set[tuple[str, str]] = field(default_factory=set)

    async def list_jobs(self, connection: Connection, filters: Filters, part: TimeRange) -> JobPage:
        if not self.answers:
            raise EmporixTimeout
        fit = [
            job
            for job in sorted(self.jobs.values(), key=lambda job: job.modified_at, reverse=True)
            if part.since <= job.modified_at <= (part.until or "9")
        ]
        page = fit[: filters.size]
        self.listed |= {(job.id, job.version) for job in page}
        return JobPage(tuple(page), 1, filters.size, len(fit), len(fit) > filters.size)

    async def get_job(self, connection: Connection, job_id: str) -> Job:
        return self.jobs[job_id]


class FakeAccounts:
    async def load(self, caller: Caller) -> Account:
        return Account(caller, {"acme": HELD}, "acme")


class FakeResponses:
    """Nobody has responded to a message."""

    async def load(self, *alert_ids: str) -> list[AlertResponses]:
        return [AlertResponses() for _ in alert_ids]


class FakeSources:
    async def schedule(self, source: PolledConnection, at: float) -> None: ...
    async def clear_failures(self, source: PolledConnection) -> None: ...
    async def count_failure(self, source: PolledConnection) -> int:
        return 1


@dataclass
class FakeAlerts:
    """One alert, stored as in Redis."""

    record: str
    version: int = 0
    posts: tuple[PostedAlert, ...] = ()
    connections: FakeSources = field(default_factory=FakeSources)
    responses: FakeResponses = field(default_factory=FakeResponses)

    async def next_query_at(self, source: PolledConnection, now: float) -> float:
        return now

    async def posts_of(self, alerts: tuple[Alert, ...]) -> list[tuple[PostedAlert, ...]]:
        return [self.posts for _ in alerts]

    async def load(self, alert_id: str) -> Alert | None:
        return ALERT_SERIALIZER.read(self.record)

    async def load_posts(self, alert_id: str) -> tuple[PostedAlert, ...]:
        return self.posts

    async def of_connection(self, source: PolledConnection) -> tuple[Alert, ...]:
        return (ALERT_SERIALIZER.read(self.record),)

    async def save(
        self,
        alert: Alert,
        before: Alert | None,
        posts: tuple[PostedAlert, ...] | None = None,
        *,
        poll_at: float | None = None,
        posts_ttl: int = 0,
        starts: bool = False,
    ) -> Alert | None:
        if before is None or ALERT_SERIALIZER.read(self.record) != before:
            return None
        self.record = ALERT_SERIALIZER.write(alert)
        self.posts = self.posts if posts is None else posts
        return alert


class Channel:
    """A running alert; `slack` has each posted message once, by its name."""

    def __init__(self) -> None:
        self.clock, self.emporix = FakeClock(), FakeEmporix()
        now = self.clock()
        filters = Filters(tenant="acme")
        alert = Alert("a1", ADA, "C0OPS", filters, now, Watermark(now - 1), polled_at=now)
        self.kept, self.slack = (
            FakeAlerts(ALERT_SERIALIZER.write(alert)),
            dict[str, tuple[str, ...]](),
        )
        emporix, store, accounts = cast("Any", (self.emporix, self.kept, FakeAccounts()))
        found = JobsById(cast("Any", self.emporix))
        lines = ErrorLines(emporix, self.clock)
        self.looks = AlertPoller(emporix, found, lines, store, accounts, self.clock)
        self.lifecycle = AlertLifecycle(store, self.clock)

    def change(self, number: int) -> None:
        """Let a job fail, for the first time or again."""
        old = self.emporix.jobs.get(f"job-{number}")
        version = int(old.version) + 1 if old else 1
        self.emporix.jobs[f"job-{number}"] = Job(
            id=f"job-{number}",
            status="failure",
            message=MESSAGES[number % len(MESSAGES)],
            modified_at=iso(self.clock()),
            version=str(version),
        )

    async def poll(self, *, answers: bool) -> None:
        self.emporix.answers = answers
        await self.looks.poll(SOURCE)

    async def post(self, sent: int, *, settles: bool) -> None:
        """Post the pending changes; the worker dies after `sent` messages, or if not `settles`."""
        alert = await self.kept.load("a1")
        if alert is None or alert.batch is None:
            return
        posts = await self.kept.load_posts(alert.id)
        plan = group_changes(alert.batch, posts)
        number = alert.batch.number
        shown = plan.rows[:MAX_ALERT_ROWS] if not alert.batch.since else alert.batch.changes
        messages = {f"{number}:news": tuple(one.job_id for one in shown)}  # or a summary
        messages |= {f"{number}:rest": plan.rest}
        messages |= {f"{number}:{one.post.ts}": one.job_ids for one in plan.repeats}
        for name, ids in list(messages.items())[:sent]:
            assert self.slack.setdefault(name, ids) == ids
        if settles and sent >= len(messages):
            await self.lifecycle.mark_posted(
                alert, posts_after(posts, plan, alert.batch, f"{number}.0")
            )

    @property
    def posted(self) -> Counter[str]:
        return Counter(job_id for ids in self.slack.values() for job_id in ids)


steps = st.one_of(
    st.tuples(st.just("change"), st.integers(0, 30)),
    st.tuples(st.just("wait"), st.integers(1, 500)),
    st.tuples(st.just("look"), st.integers(0, 3)),
    st.tuples(st.just("post"), st.integers(0, 4)),
    st.tuples(st.just("die"), st.integers(0, 4)),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(steps, max_size=80))
async def test_every_change_is_posted_once(steps: list[tuple[str, int]]) -> None:
    """No change is lost or repeated if jobs fail again, responses get lost or workers die."""
    channel = Channel()
    for what, number in [*steps, *[("wait", 60), ("look", 1), ("post", 99)] * 2]:
        channel.clock.forward(0.5)
        match what:
            case "change":
                channel.change(number)
            case "wait":
                channel.clock.forward(number)
            case "look":
                await channel.poll(answers=number > 0)
            case _:
                await channel.post(number, settles=what == "post")
    expected = Counter(job_id for job_id, _ in channel.emporix.listed)
    assert channel.posted == expected
