"""Lifetimes of Redis keys: a tour uses every feature of the app and checks each key."""

from __future__ import annotations

import math
import re
import time
from collections import defaultdict
from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import Any

import pytest

from sandbox.emporix.faults import Fault
from sandbox.emporix.keys import ACME_OPERATIONS
from sandbox.emporix.times import iso
from sandbox.slack.faults import Fault as SlackFault
from sandbox.slack.person import Exchange, Person
from tests.harness.app import AppHarness
from tests.harness.documents import table
from tests.harness.runs import add_failed, ask, confirm
from tests.listeners.digest.fixtures import set_up
from tests.listeners.jobs.fixtures import add_jobs, job_id

DOCUMENT = "docs/redis-keys.md"
SECONDS = {"s": 1, "min": 60, "h": 3600, "d": 24 * 3600}
PARTS = {
    "<user>": "[^:{}]*:[^:{}]+:[^:{}]+",
    "<enterprise:team>": "[^:{}]*:[^:{}]+",
    "<channel>": "[^:{}]*",  # none for a whole workspace
    "<name>": ".+",
    "<digest>": ".+",
}
LOCKS = {"token-lock", "lock", "lease", "digests:now", "audit:copy", "teams:stopped"}
"""Gone when a step is over, or not part of the tour; the tests of their stores look at them."""

FOR_EVER = {"audit", "canary", "workers"}


def pattern(key: str) -> re.Pattern[str]:
    """What a key of the document looks like in Redis."""
    parts = re.split(r"(<[^<>]+>)", key.strip("`"))
    return re.compile(
        "".join(PARTS.get(p, "[^:{}]+") if p[:1] == "<" else re.escape(p) for p in parts)
    )


LIFETIMES = {pattern(key): lifetime for key, lifetime in table(DOCUMENT, "Redis key")}


def lifetimes(key: str) -> list[tuple[str, str]]:
    """The table's rows: the key as written there, and its lifetime."""
    return [(row.pattern, said) for row, said in LIFETIMES.items() if row.fullmatch(key)]


def is_right(ttl: int, said: str, elapsed: float) -> bool:
    """Whether a key has the documented lifetime, of which at most `elapsed` seconds are over."""
    if said == "none":
        return ttl == -1
    if said in ("as Slack says", "its period"):
        return ttl >= 0
    for one in said.split(", "):
        number, unit = one.split()
        most = int(number) * SECONDS[unit]
        # Redis rounds to seconds: in the last half second of a lifetime, it says 0.
        if max(0, most - math.ceil(elapsed) - 1) <= ttl <= most:
            return True
    return False


@dataclass
class Tour:
    """Runs steps one after another, and checks all keys after each."""

    harness: AppHarness
    began: float = field(default_factory=time.monotonic)
    wrong: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    seen: set[str] = field(default_factory=set)

    async def do(self, *acts: Awaitable[Any]) -> Any:
        for act in acts:
            found = await act
            await self.look()
        return found

    async def look(self) -> None:
        redis = self.harness.redis
        for key in await redis.keys("*"):
            ttl = await redis.ttl(key)
            rows = lifetimes(key)
            assert len(rows) == 1, f"{key} stands {len(rows)} times in {DOCUMENT}"
            self.seen.add(rows[0][0])
            if ttl != -2 and not is_right(ttl, rows[0][1], time.monotonic() - self.began):
                self.wrong[key].append(ttl)

    async def work(self, seconds: float, step: float = 5.0) -> None:
        await self.do(self.harness.worker.work_until(self.harness.clock() + seconds, step=step))


async def ask_and_open(tour: Tour, ada: Person) -> None:
    """Lists, pages, one job, modals, the Home tab."""
    await tour.do(ada.command("/emporix jobs since:monday size:2"), ada.click("Next"))
    await tour.do(ada.click("Filter"), ada.submit({"Words": "refund"}))
    await tour.do(ada.shortcut("Search Emporix jobs"), ada.close())
    await tour.do(ada.open_home())
    tour.harness.emporix_state.expire_tokens()
    await tour.do(ada.command(f"/emporix jobs get {job_id(1)}"))


async def share_and_delete(tour: Tour, ada: Person) -> None:
    await tour.do(ada.command("/emporix jobs size:3"))
    await tour.do(ada.click("Share in channel"), ada.click("Share"))
    await tour.do(ada.click(action_id="jobs.delete_in_channel.confirm"))
    await tour.do(ada.command("/emporix jobs"), ada.click("Delete"))


async def watch_and_hear(tour: Tour, ada: Person, grace: Person) -> None:
    """A watched job, and alerts that pass from one to another, of a failure that comes again."""
    harness = tour.harness
    change(harness, "watched", "in_progress")
    await tour.do(ada.command("/emporix jobs watch watched"), ada.command("/emporix alerts on"))
    await tour.work(30)
    harness.emporix_state.faults.add(Fault("status", times=4, path="/jobs", status=401))
    await tour.work(20, step=1)
    harness.emporix_state.faults.clear()
    change(harness, "watched", "failure")
    change(harness, "failed", "failure")
    await tour.work(60)
    await tour.do(ada.command("/emporix disconnect"), ada.click("Disconnect"))
    await tour.do(grace.command("/emporix alerts"), grace.click("Take over"))
    await tour.do(harness.connect(ada, ACME_OPERATIONS))


async def post_digests(tour: Tour, ada: Person, grace: Person) -> None:
    """A digest with a chart, which Slack refuses; it moves, and passes to another owner."""
    harness = tour.harness
    change(harness, "old", "failure", ago=2 * 24 * 3600)  # one day alone makes no chart
    await tour.do(set_up(ada))
    harness.workspace.faults.add(SlackFault("no_charts"))
    await tour.work(24 * 3600, step=900)
    await tour.do(grace.click("I'm on it"))
    await tour.do(grace.command("/emporix digest list"), grace.click("Take over"))
    await tour.do(grace.command("/emporix digest list"), grace.click("Change"))
    await tour.do(grace.submit({"channel": "general"}))
    there = harness.person("grace", "general")
    assert await harness.redis.keys("*:digests:channel:T0ACME:C0*") == [
        "emporix-jobs:{scheduled}:digests:channel:T0ACME:C0GENERAL"
    ]
    for words in ("pause", "resume"):
        await tour.do(there.command(f"/emporix digest {words}"))


def change(harness: AppHarness, job: str, status: str, ago: float = 60) -> None:
    """Add or change a job with that id and age."""
    created, modified = iso(harness.clock() - ago), iso(harness.clock())
    metadata = {"version": 1, "createdAt": created, "modifiedAt": modified}
    harness.emporix_state.add_job(
        "acme", id=job, status=status, message="No order.", metadata=metadata
    )


async def clean_up(tour: Tour, ada: Person) -> None:
    asked: Exchange = await tour.do(ada.command("/emporix jobs clean succeeded"))
    await tour.do(ada.click("Delete…"))
    number = asked.payloads[0]["text"].split()[1]
    await tour.do(ada.submit({"The number of jobs": number}))
    await tour.work(5, step=1)


async def run_again(tour: Tour, ada: Person) -> None:
    add_failed(tour.harness, id="again")
    await tour.do(ask(ada, "again"), confirm(ada))
    await tour.work(5, step=1)


async def pause_agent(tour: Tour, ada: Person) -> None:
    """An agent is paused for an hour."""
    tour.harness.emporix_state.add_agent("acme", id="a1", name="Help")
    await tour.do(ada.command("/emporix agents"), ada.click("Pause…"))
    await tour.do(ada.submit({"Reason": "Wrong prices"}))
    await tour.work(5)
    await tour.work(2 * 3600, step=600)


async def end_all(tour: Tour, ada: Person, grace: Person) -> None:
    """Delete everything that was set up."""
    await tour.do(grace.command("/emporix alerts off"))
    there = tour.harness.person("grace", "general")
    await tour.do(there.command("/emporix digest delete"), there.click("Delete"))
    for person in (ada, grace):
        await tour.do(person.command("/emporix disconnect"), person.click("Disconnect"))
    await tour.work(60)


@pytest.mark.timeout(170)
async def test_every_key_lives_as_long_as_the_document_says(harness: AppHarness) -> None:
    """Every key has its documented lifetime, and only a few remain after everything is deleted."""
    tour = Tour(harness)
    ada, grace = harness.person("ada", "ops"), harness.person("grace", "ops")
    add_jobs(harness, 9)
    for person in (ada, grace):
        await tour.do(harness.connect(person, ACME_OPERATIONS, with_actions=True))
    await ask_and_open(tour, ada)
    await share_and_delete(tour, ada)
    await tour.do(harness.http.get(f"{harness.bot_url}/readyz"))  # writes a key that lives for 1 s
    await clean_up(tour, ada)
    await run_again(tour, ada)
    await pause_agent(tour, ada)
    await watch_and_hear(tour, ada, grace)
    await post_digests(tour, ada, grace)
    await end_all(tour, ada, grace)
    assert dict(tour.wrong) == {}
    left = {key for key in await harness.redis.keys("*") if await harness.redis.ttl(key) == -1}
    assert {key.rpartition(":")[2] for key in left} <= FOR_EVER
    assert await harness.redis.keys("*:cleanups:active:*") == []
    unseen = [row for row in (r.pattern for r in LIFETIMES) if row not in tour.seen]
    assert [row for row in unseen if not any(lock in row for lock in LOCKS)] == []


def test_every_key_has_a_lifetime() -> None:
    """The table of lifetimes has the same keys as the table that explains them."""
    explained = {key.strip("`") for key, *_ in table(DOCUMENT, "key")}
    timed = {key.strip("`") for key, _ in table(DOCUMENT, "Redis key")}
    homes = {key for key in timed if ":home:" in key}
    assert timed - homes == {
        key for key in explained if not key.startswith("`saq:") and not key.startswith("saq:")
    } - {"emporix-jobs:{<user>}:home:<name>"}
    assert len(homes) == 2
