"""Data for the Home tab: job counts and newest jobs of each tenant, and the user's settings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace

from bot.domain.accounts import Account, Caller, Connection, require_connection
from bot.domain.alerts import Alert
from bot.domain.audit import AuditEntry
from bot.domain.digests import Digest
from bot.domain.filters import Filters
from bot.domain.jobs import (
    FAILED,
    RUNNING,
    SUCCEEDED,
    FailureCause,
    Job,
    JobSummary,
    NewestJobs,
    RecentFailures,
    TenantStats,
)
from bot.domain.times import DAY_SECONDS, Clock
from bot.domain.watches import Watch
from bot.errors import EmporixError
from bot.services.agents import NamedJobs
from bot.services.alerts.alerts import AlertService
from bot.services.alerts.lifecycle import AlertResponder, UnclaimedFailures
from bot.services.concurrency import SingleFlight, gather_all
from bot.services.digests.report import total_jobs
from bot.services.similarity import FailureGroup, group_failures
from bot.store.accounts import AccountStore
from bot.store.audit import AuditLog
from bot.store.digests import DigestStore
from bot.store.home import HomeStore
from bot.store.watches import WatchStore

HOME_JOBS_SHOWN = 5
HOME_FAILURES_READ = 50
"""Maximum number of failures to read, with one call to Emporix, and to group by cause."""
HOME_EXCERPT_LENGTH = 500
MAX_CAUSE_IDS = 20


class TenantStatsReader:
    """Reads a tenant's figures with three calls to Emporix, shared by concurrent callers."""

    def __init__(self, emporix: NamedJobs, clock: Clock) -> None:
        self._emporix, self._clock = emporix, clock
        self._flight = SingleFlight[TenantStats](clock)

    async def read(self, connection: Connection, known: TenantStats | None) -> TenantStats:
        """Read the current figures; if Emporix fails, returns `known` with the error's template.

        Raises StoreUnavailable.
        """
        return await self._flight.get(
            (connection.caller, connection.tenant), lambda: self._read(connection, known)
        )

    async def _read(self, connection: Connection, known: TenantStats | None) -> TenantStats:
        now = self._clock()
        try:
            failed, running, succeeded = await gather_all(
                self._failures(connection, recent_failures(connection.tenant, now)),
                self._newest(connection, running_jobs(connection.tenant)),
                self._count(connection, recent_jobs(connection.tenant, now, SUCCEEDED)),
            )
        except EmporixError as error:
            before = known or TenantStats(connection.tenant, requested_at=now)
            return replace(before, requested_at=now, error=error.template)
        return TenantStats(
            connection.tenant,
            requested_at=now,
            read_at=now,
            failed=failed,
            running=running,
            succeeded=succeeded,
        )

    async def _newest(self, connection: Connection, filters: Filters) -> NewestJobs:
        page = await self._emporix.list_jobs(connection, replace(filters, size=HOME_JOBS_SHOWN))
        jobs = tuple(_job_summary(job) for job in page.jobs)
        return NewestJobs(jobs, total_jobs(page), page.has_more)

    async def _failures(self, connection: Connection, filters: Filters) -> RecentFailures:
        page = await self._emporix.list_jobs(connection, replace(filters, size=HOME_FAILURES_READ))
        groups = group_failures(page.jobs)
        return RecentFailures(
            causes=tuple(map(_cause, groups[:HOME_JOBS_SHOWN])),
            cause_count=len(groups),
            read=len(page.jobs),
            total=total_jobs(page),
            has_more=page.has_more,
        )

    async def _count(self, connection: Connection, filters: Filters) -> int | None:
        one = replace(filters, size=1, fields=("id",))
        return total_jobs(await self._emporix.list_jobs(connection, one))


def recent_jobs(tenant: str, now: float, status: str) -> Filters:
    """Filters for the jobs of the last 24 hours that have this status."""
    day = DAY_SECONDS
    return Filters(tenant=tenant, statuses=(status,), since=now - day, last_seconds=day)


def recent_failures(tenant: str, now: float) -> Filters:
    return recent_jobs(tenant, now, FAILED)


def running_jobs(tenant: str) -> Filters:
    return Filters(tenant=tenant, statuses=(RUNNING,))


def _job_summary(job: Job) -> JobSummary:
    names = [field.name for field in fields(JobSummary) if field.name not in ("message", "unknown")]
    text = (job.response or job.message)[:HOME_EXCERPT_LENGTH]
    return JobSummary(**{name: getattr(job, name) for name in names}, message=text)


def _cause(group: FailureGroup) -> FailureCause:
    return FailureCause(
        count=group.count,
        message=group.message[:HOME_EXCERPT_LENGTH],
        agents=group.agents,
        job_ids=group.job_ids[:MAX_CAUSE_IDS],
        newest=_job_summary(group.jobs[0]),
    )


MAX_HOME_TENANTS = 5
"""Maximum number of tenants with figures; each takes three calls to Emporix."""

LAST_DELETES = 5
MAX_AUDIT_ENTRIES_SEARCHED = 500
"""How many entries of the workspace's audit log are searched for those of the user."""


@dataclass(frozen=True, slots=True)
class TenantView:
    """A tenant and its figures; `stats` is None if they were never requested."""

    connection: Connection
    is_default: bool
    stats: TenantStats | None

    def is_older(self, than: float) -> bool:
        return self.stats is None or self.stats.requested_at <= than


@dataclass(frozen=True, slots=True)
class HomeOverview:
    """Everything that a user's Home tab shows; `now` is in seconds since 1970.

    The default tenant comes first; `other_connections` are tenants without figures.
    """

    now: float
    tenants: tuple[TenantView, ...]
    other_connections: tuple[Connection, ...]
    digests: tuple[Digest, ...]
    alerts: tuple[Alert, ...]
    unclaimed: tuple[UnclaimedFailures, ...]
    watches: tuple[Watch, ...]
    deletes: tuple[AuditEntry, ...]

    @property
    def updated_at(self) -> float:
        """When the oldest figures were read; 0 if there are none."""
        known = [view.stats.read_at for view in self.tenants if view.stats]
        return min(filter(None, known), default=0.0)

    @property
    def jobs_per_list(self) -> int:
        """The length of each list of jobs, which depends on the number of tenants."""
        return {0: 5, 1: 5, 2: 3, 3: 2}.get(len(self.tenants), 1)

    @property
    def watched(self) -> frozenset[str]:
        """The ids of watched jobs."""
        return frozenset(watch.job_id for watch in self.watches)

    def older_than(self, seconds: float) -> tuple[TenantView, ...]:
        """The tenants whose figures are older than `seconds`, or were never requested."""
        return tuple(view for view in self.tenants if view.is_older(self.now - seconds))


class HomeService:
    """Loads the data of Home tabs. Methods raise StoreUnavailable, but no EmporixError."""

    def __init__(
        self,
        accounts: AccountStore,
        store: HomeStore,
        emporix: TenantStatsReader,
        *,
        digests: DigestStore,
        alerts: AlertService,
        responder: AlertResponder,
        watches: WatchStore,
        audit: AuditLog,
        clock: Clock,
    ) -> None:
        self._accounts, self.store, self._emporix = accounts, store, emporix
        self._digests, self._alerts, self._watches = digests, alerts, watches
        self._audit, self._clock, self._responder = audit, clock, responder

    async def load(self, caller: Caller) -> HomeOverview:
        """Load everything that is stored; makes no calls to Emporix."""
        account = await self._accounts.load(caller)
        figures, digests, alerts, watches, deletes, _ = await gather_all(
            self.store.load_stats(caller),
            self._digests.of_owner(caller),
            self._alerts.of_owner(caller, account.connections),
            self._watches.of_owner(caller),
            self._audit.deletes_of_user(caller, LAST_DELETES, MAX_AUDIT_ENTRIES_SEARCHED),
            self.store.mark_opened(caller),
        )
        shown = _in_order(account)
        return HomeOverview(
            now=self._clock(),
            tenants=tuple(_tenant_views(account, shown[:MAX_HOME_TENANTS], figures)),
            other_connections=tuple(shown[MAX_HOME_TENANTS:]),
            digests=digests,
            alerts=alerts,
            unclaimed=await self._responder.unclaimed(alerts),
            watches=watches,
            deletes=deletes,
        )

    async def refresh(self, caller: Caller, overview: HomeOverview, seconds: float) -> HomeOverview:
        """Read figures that are older than `seconds` from Emporix, and store them."""
        old = overview.older_than(seconds)
        found = await gather_all(*(self._emporix.read(one.connection, one.stats) for one in old))
        await self.store.save_stats(caller, found)
        new = {figures.tenant: figures for figures in found}
        views = (
            replace(view, stats=new.get(view.connection.tenant, view.stats))
            for view in overview.tenants
        )
        return replace(overview, now=self._clock(), tenants=tuple(views))


def _in_order(account: Account) -> Sequence[Connection]:
    """The user's connections, with the default tenant first."""
    if not account.connections:
        return []
    first = require_connection(account)
    others = [connection for connection in account.connections.values() if connection is not first]
    return [first, *others]


def _tenant_views(
    account: Account, shown: Sequence[Connection], figures: Mapping[str, TenantStats]
) -> Iterable[TenantView]:
    for connection in shown:
        yield TenantView(
            connection, connection.tenant == account.default_tenant, figures.get(connection.tenant)
        )
