"""All that somebody's Home tab shows: read from Redis at once, then asked of Emporix."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from bot.models import Account, Caller, Connection, Digest
from bot.services.accounts import connection
from bot.services.alerts.alerts import Alerts
from bot.services.concurrency import gather_all
from bot.services.homes.figures import AsksFigures
from bot.store.accounts import AccountStore
from bot.store.alert_records import Alert
from bot.store.audit import AuditEntry, AuditLog
from bot.store.digests import DigestStore
from bot.store.homes import Figures, HomeStore
from bot.store.watches import Watch, WatchStore

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
    figures: Figures | None

    def is_older(self, than: float) -> bool:
        return self.figures is None or self.figures.asked_at <= than


@dataclass(frozen=True, slots=True)
class Overview:
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
        known = [view.figures.at for view in self.tenants if view.figures]
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


class Overviews:
    """What Homes show. Every method raises StoreUnavailable, and nothing because of Emporix."""

    def __init__(
        self,
        accounts: AccountStore,
        store: HomeStore,
        emporix: AsksFigures,
        *,
        digests: DigestStore,
        alerts: Alerts,
        watches: WatchStore,
        audit: AuditLog,
        clock: Callable[[], float],
    ) -> None:
        self._accounts, self.store, self._emporix = accounts, store, emporix
        self._digests, self._alerts, self._watches = digests, alerts, watches
        self._audit, self._clock = audit, clock

    async def known(self, caller: Caller) -> Overview:
        """Without asking Emporix."""
        account = await self._accounts.load(caller)
        figures, digests, alerts, watches, deletes, _ = await gather_all(
            self.store.load(caller),
            self._digests.of_owner(caller),
            self._alerts.of_owner(caller, account.connections),
            self._watches.of(caller),
            self._audit.deletes_of_user(caller, LAST_DELETES, LOOKED_THROUGH),
            self.store.opened(caller),
        )
        shown = _in_order(account)
        return Overview(
            now=self._clock(),
            tenants=tuple(_views(account, shown[:MOST_TENANTS], figures)),
            others=tuple(shown[MOST_TENANTS:]),
            digests=digests,
            alerts=alerts,
            watches=watches,
            deletes=deletes,
        )

    async def asked(self, caller: Caller, overview: Overview, seconds: float) -> Overview:
        """With what Emporix says of tenants whose figures are so old; keeps that."""
        old = overview.older(seconds)
        found = await gather_all(*(self._emporix.ask(one.held, one.figures) for one in old))
        await self.store.keep(caller, found)
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
    first = connection(account)
    others = [held for held in account.connections.values() if held is not first]
    return [first, *others]


def _views(
    account: Account, shown: Sequence[Connection], figures: Mapping[str, Figures]
) -> Iterable[TenantView]:
    for held in shown:
        yield TenantView(held, held.tenant == account.default_tenant, figures.get(held.tenant))
