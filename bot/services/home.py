"""Figures for the Home tab: counts and newest jobs of each tenant."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace

from bot.domain.accounts import Account, Caller, Connection
from bot.domain.alerts import Alert
from bot.domain.audit import AuditEntry
from bot.domain.digests import Digest
from bot.domain.filters import Filters
from bot.domain.jobs import JobSummary, NewestJobs, TenantStats
from bot.domain.watches import Watch
from bot.emporix.models import Job
from bot.errors import EmporixError
from bot.services.accounts import require_connection
from bot.services.agents import NamedJobs
from bot.services.alerts.alerts import AlertService
from bot.services.concurrency import SingleFlight, gather_all
from bot.store.accounts import AccountStore
from bot.store.audit import AuditLog
from bot.store.digests import DigestStore
from bot.store.home import HomeStore
from bot.store.watches import WatchStore

DAY_SECONDS = 24 * 60 * 60
SHOWN = 5
SAID_LETTERS = 500


class TenantStatsReader:
    """Asks Emporix by two calls a tenant; who asks meanwhile shares the answer."""

    def __init__(self, emporix: NamedJobs, clock: Callable[[], float]) -> None:
        self._emporix, self._clock = emporix, clock
        self._flight = SingleFlight[TenantStats](clock)

    async def ask(self, connection: Connection, known: TenantStats | None) -> TenantStats:
        """The figures of now; where Emporix refuses, those `known` with the trouble that it was.

        Raises StoreUnavailable.
        """
        return await self._flight.get(
            (connection.caller, connection.tenant), lambda: self._ask(connection, known)
        )

    async def _ask(self, connection: Connection, known: TenantStats | None) -> TenantStats:
        now = self._clock()
        try:
            failed, running = await gather_all(
                self._newest(connection, failed_lately(connection.tenant, now)),
                self._newest(connection, still_running(connection.tenant)),
            )
        except EmporixError as error:
            before = known or TenantStats(connection.tenant, requested_at=now)
            return replace(before, requested_at=now, error=error.template)
        return TenantStats(
            connection.tenant, requested_at=now, read_at=now, failed=failed, running=running
        )

    async def _newest(self, connection: Connection, filters: Filters) -> NewestJobs:
        page = await self._emporix.list_jobs(connection, replace(filters, size=SHOWN))
        total = page.total if page.total is not None or page.jobs else 0
        return NewestJobs(tuple(map(_glance, page.jobs)), total, page.has_more)


def failed_lately(tenant: str, now: float) -> Filters:
    """The failures of the last 24 hours."""
    return Filters(tenant=tenant, statuses=("failure",), since=now - DAY_SECONDS)


def still_running(tenant: str) -> Filters:
    return Filters(tenant=tenant, statuses=("in_progress",))


def _glance(job: Job) -> JobSummary:
    names = [field.name for field in fields(JobSummary) if field.name not in ("message", "unknown")]
    said = (job.response or job.message)[:SAID_LETTERS]
    return JobSummary(**{name: getattr(job, name) for name in names}, message=said)


MOST_TENANTS = 5
"""Of so many tenants there are figures: by two calls each."""

LAST_DELETES = 5
LOOKED_THROUGH = 500
"""Entries of the workspace's audit record in which somebody's own are looked for."""


@dataclass(frozen=True, slots=True)
class TenantView:
    """A tenant with what is known of it; `figures` are None where it was never asked."""

    held: Connection
    is_default: bool
    figures: TenantStats | None

    def is_older(self, than: float) -> bool:
        return self.figures is None or self.figures.requested_at <= than


@dataclass(frozen=True, slots=True)
class HomeOverview:
    """What one user has; `now` in seconds since 1970.

    The default tenant comes first; `others` are tenants without figures.
    """

    now: float
    tenants: tuple[TenantView, ...]
    others: tuple[Connection, ...]
    digests: tuple[Digest, ...]
    alerts: tuple[Alert, ...]
    watches: tuple[Watch, ...]
    deletes: tuple[AuditEntry, ...]

    @property
    def as_of(self) -> float:
        """When the oldest figures were asked for; 0 where there are none."""
        known = [view.figures.read_at for view in self.tenants if view.figures]
        return min(filter(None, known), default=0.0)

    @property
    def rows(self) -> int:
        """Jobs of a kind and tenant that are shown: a Home has a hundred blocks."""
        return {0: 5, 1: 5, 2: 3, 3: 2}.get(len(self.tenants), 1)

    @property
    def watched(self) -> frozenset[str]:
        """The ids of watched jobs."""
        return frozenset(watch.job_id for watch in self.watches)

    def older(self, seconds: float) -> tuple[TenantView, ...]:
        """The tenants whose figures were asked for so long ago, or never."""
        return tuple(view for view in self.tenants if view.is_older(self.now - seconds))


class HomeService:
    """What Homes show. Every method raises StoreUnavailable, and nothing because of Emporix."""

    def __init__(
        self,
        accounts: AccountStore,
        store: HomeStore,
        emporix: TenantStatsReader,
        *,
        digests: DigestStore,
        alerts: AlertService,
        watches: WatchStore,
        audit: AuditLog,
        clock: Callable[[], float],
    ) -> None:
        self._accounts, self.store, self._emporix = accounts, store, emporix
        self._digests, self._alerts, self._watches = digests, alerts, watches
        self._audit, self._clock = audit, clock

    async def known(self, caller: Caller) -> HomeOverview:
        """Without asking Emporix."""
        account = await self._accounts.load(caller)
        figures, digests, alerts, watches, deletes, _ = await gather_all(
            self.store.load_stats(caller),
            self._digests.of_owner(caller),
            self._alerts.of_owner(caller, account.connections),
            self._watches.of_owner(caller),
            self._audit.deletes_of_user(caller, LAST_DELETES, LOOKED_THROUGH),
            self.store.mark_opened(caller),
        )
        shown = _in_order(account)
        return HomeOverview(
            now=self._clock(),
            tenants=tuple(_views(account, shown[:MOST_TENANTS], figures)),
            others=tuple(shown[MOST_TENANTS:]),
            digests=digests,
            alerts=alerts,
            watches=watches,
            deletes=deletes,
        )

    async def asked(self, caller: Caller, overview: HomeOverview, seconds: float) -> HomeOverview:
        """With what Emporix says of tenants whose figures are so old; keeps that."""
        old = overview.older(seconds)
        found = await gather_all(*(self._emporix.ask(one.held, one.figures) for one in old))
        await self.store.save_stats(caller, found)
        new = {figures.tenant: figures for figures in found}
        views = (
            replace(view, figures=new.get(view.held.tenant, view.figures))
            for view in overview.tenants
        )
        return replace(overview, now=self._clock(), tenants=tuple(views))


def _in_order(account: Account) -> Sequence[Connection]:
    """The default tenant first."""
    if not account.connections:
        return []
    first = require_connection(account)
    others = [connection for connection in account.connections.values() if connection is not first]
    return [first, *others]


def _views(
    account: Account, shown: Sequence[Connection], figures: Mapping[str, TenantStats]
) -> Iterable[TenantView]:
    for connection in shown:
        yield TenantView(
            connection, connection.tenant == account.default_tenant, figures.get(connection.tenant)
        )
