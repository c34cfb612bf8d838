"""Alerts and watches with a real Redis, which can fail, and a scripted Emporix."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from bot.domain.accounts import Account, Caller, Connection
from bot.domain.filters import Filters
from bot.domain.jobs import Job, JobPage
from bot.emporix.query import TimeRange
from bot.errors import BotError, EmporixError
from bot.services.alerts.alerts import AlertService
from bot.services.alerts.lifecycle import AlertLifecycle
from bot.services.alerts.poll import AlertPoller
from bot.services.jobs import JobCard, JobsById
from bot.services.session_logs import ErrorLines
from bot.services.watches import WatchService
from bot.store.alerts import AlertStore, new_alert_id
from bot.store.encryption import Cipher, new_key, parse_keys
from bot.store.watches import WatchStore, new_watch_id
from tests.harness.clock import FakeClock
from tests.harness.faulty_redis import FaultyRedis, faulty_client
from tests.store.fixtures import ADA, GRACE, connection

CIPHER, OTHER_CIPHER = (Cipher(parse_keys(new_key())) for _ in range(2))


@dataclass
class FakeEmporix:
    """Returns `jobs`, or raises `error` if it is set.

    With a `barrier`, requests wait for each other before they return.
    """

    error: EmporixError | None = None
    meet: asyncio.Barrier | None = None
    jobs: dict[str, Job] = field(default_factory=dict)
    calls: int = 0

    async def list_jobs(self, connection: Connection, filters: Filters, part: TimeRange) -> JobPage:
        self.calls += 1
        if self.meet:
            await self.meet.wait()
        if self.error:
            raise self.error
        there = tuple(self.jobs.values())
        return JobPage(there, 1, filters.size, len(there), False)

    async def get_job(self, connection: Connection, job_id: str) -> Job:
        if self.error:
            raise self.error
        return self.jobs.get(job_id) or Job(id=job_id, status="in_progress")


class FakeAccounts:
    """All users are connected to the same two tenants."""

    async def load(self, caller: Caller) -> Account:
        held = {tenant: connection(caller, tenant) for tenant in ("acme", "globex")}
        return Account(caller, held, "acme")


@dataclass
class FakeJobs:
    """Returns any job. It is running unless Emporix has a different state."""

    emporix: FakeEmporix

    async def get(self, account: Account, job_id: str, tenant: str = "") -> JobCard:
        job = await self.emporix.get_job(account.connections[tenant], job_id)
        return JobCard(job, tenant, can_delete=False, dashboard_url="")


class PollingHarness:
    """The services of alerts and watches, with a Redis that fails on demand.

    A harness with another `cipher` on the same Redis is a worker with different encryption keys.
    """

    def __init__(self, redis: Any, clock: FakeClock, cipher: Cipher = CIPHER) -> None:
        self.redis, self.clock, self.emporix = redis, clock, FakeEmporix()
        self.client: FaultyRedis = faulty_client(redis)
        emporix: Any = self.emporix
        jobs: Any = FakeJobs(self.emporix)
        accounts: Any = FakeAccounts()
        watches, alerts = WatchStore(self.client, cipher), AlertStore(self.client, cipher)
        self.alert_store: Any = alerts
        self.watch_store: Any = watches
        found = JobsById(emporix)
        self.lifecycle: Any = AlertLifecycle(alerts, clock)
        self.alerts: Any = AlertService(
            emporix, alerts, self.lifecycle, new_alert_id=new_alert_id, clock=clock
        )
        lines = ErrorLines(emporix, clock)
        self.poller: Any = AlertPoller(emporix, found, lines, alerts, accounts, clock)
        self.watches: Any = WatchService(
            jobs,
            found,
            watches,
            accounts,
            new_watch_id=new_watch_id,
            clock=clock,
        )

    async def account(self, caller: Caller = ADA) -> Account:
        return await FakeAccounts().load(caller)

    async def broken(
        self, what: Callable[[], Awaitable[object]], call: int, *, after: bool
    ) -> None:
        """Run something while the given round trip to Redis fails; 0 means that none fails.

        The user sees an error and a worker retries, so these exceptions are ignored.
        """
        with self.client.faults.at(call, after=after):
            try:
                await what()
            except BotError:
                return


PEOPLE = (ADA, GRACE)
