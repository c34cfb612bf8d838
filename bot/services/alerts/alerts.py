"""What a channel wants to hear of: turned on and off, muted, and handed over."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol

from bot.errors import InvalidInput, OutdatedButton
from bot.models import NEWEST_FIRST, Account, Caller, Filters
from bot.services.accounts import connection
from bot.services.alerts.course import AlertCourse
from bot.services.alerts.fetching import ListsJobs, fetch
from bot.services.alerts.looks import FAILURE, LOOK_SECONDS
from bot.services.alerts.watermark import first_mark
from bot.services.together import together
from bot.store.alert_records import Alert, Posted
from bot.store.sources import Source

MOST_IN_CHANNEL = 10
DISCONNECTED = "not_connected"

How = Literal["new", "already", "resumed"]


@dataclass(frozen=True, slots=True)
class TurnedOn:
    """`how` it came: new, running already, or going on after it was paused, or with another
    owner.
    """

    alert: Alert
    how: How


class KeepsAlerts(Protocol):
    """Where alerts are kept."""

    async def load(self, alert_id: str) -> Alert | None: ...
    async def save(
        self, alert: Alert, before: Alert | None, posts: tuple[Posted, ...] | None = None
    ) -> Alert | None: ...
    async def delete(self, alert: Alert) -> None: ...
    async def of_channel(self, team_id: str, channel_id: str) -> tuple[Alert, ...]: ...
    async def of_source(self, source: Source) -> tuple[Alert, ...]: ...


class KeepsSources(Protocol):
    async def look_soon(self, source: Source, at: float) -> None: ...
    async def clear_strikes(self, source: Source) -> None: ...


class Alerts:
    """The alerts of channels. Every method raises StoreUnavailable."""

    def __init__(
        self,
        calls: ListsJobs,
        kept: KeepsAlerts,
        sources: KeepsSources,
        course: AlertCourse,
        *,
        new_alert_id: Callable[[], str],
        clock: Callable[[], float],
    ) -> None:
        self._calls, self._kept, self._sources, self._course = calls, kept, sources, course
        self._new_alert_id, self._clock = new_alert_id, clock

    async def on(self, account: Account, channel_id: str, filters: Filters) -> TurnedOn:
        """Tell a channel of what is new from now on, by the connection of whoever asks.

        Where the channel has such an alert already, whoever asks becomes its owner if it is paused.
        Raises InvalidInput, NotConnected and what Emporix raises.
        """
        held = connection(account, filters.tenant)
        wanted = fit_for_alerts(filters, held.tenant)
        there = await self._kept.of_channel(account.caller.team_id, channel_id)
        now = self._clock()
        fetched = await fetch(self._calls, held, wanted, 0.0, most_pages=1)
        for alert in there:
            if alert.filters == wanted:
                return await self._resumed(account.caller, alert)
        if len(there) >= MOST_IN_CHANNEL:
            raise InvalidInput(
                f"This channel has {MOST_IN_CHANNEL} alerts, and more are not possible",
                advice="Type /emporix alerts list, and turn some off.",
            )
        new = Alert(
            id=self._new_alert_id(),
            owner=account.caller,
            channel_id=channel_id,
            filters=wanted,
            created_at=now,
            mark=first_mark(fetched, now),
            looked_at=now,
            checked_at=now,
        )
        await self._kept.save(new, None)
        await self._run(new)
        return TurnedOn(new, "new")

    async def resume(self, account: Account, channel_id: str, alert_id: str) -> TurnedOn | None:
        """Go on with a paused alert, on the connection of whoever asks; None where it is off.

        Raises NotConnected and what Emporix raises.
        """
        alert = await self._kept.load(alert_id)
        if alert is None or alert.channel_id != channel_id:
            return None
        return await self.on(account, channel_id, alert.filters)

    async def of_channel(self, caller: Caller, channel_id: str) -> tuple[Alert, ...]:
        return await self._kept.of_channel(caller.team_id, channel_id)

    async def of_owner(self, caller: Caller, tenants: Iterable[str]) -> tuple[Alert, ...]:
        """Those on the caller's connections to these tenants, oldest first in each."""
        sources = [Source(caller, tenant) for tenant in tenants]
        found = await together(*map(self._kept.of_source, sources))
        return tuple(alert for alerts in found for alert in alerts)

    async def owned(self, caller: Caller, alert_id: str) -> Alert:
        """The caller's own alert of that id; raises OutdatedButton where they have none."""
        alert = await self._kept.load(alert_id)
        if alert is None or alert.owner != caller:
            raise OutdatedButton("/emporix alerts list")
        return alert

    async def off(self, caller: Caller, channel_id: str, alert_id: str = "") -> Sequence[Alert]:
        """Turn off one alert of a channel, or all; gives those that were on."""
        alerts = await self._chosen(caller, channel_id, alert_id)
        for alert in alerts:
            await self._kept.delete(alert)
        return alerts

    async def mute(
        self, caller: Caller, channel_id: str, until: float, alert_id: str = ""
    ) -> Sequence[Alert]:
        """Post nothing until then; 0 means to post again. Gives the alerts as they are now."""
        alerts = await self._chosen(caller, channel_id, alert_id)
        muted = [
            await self._course.change(alert.id, lambda one: replace(one, muted_until=until))
            for alert in alerts
        ]
        for alert in filter(None, muted):
            await self._sources.look_soon(alert.source, max(until, self._clock()))
        return [alert for alert in muted if alert]

    async def orphan(self, caller: Caller, tenant: str) -> Sequence[Alert]:
        """Pause the alerts of a connection that is gone; gives those that ran."""
        running = await self._course.running(Source(caller, tenant))
        for alert in running:
            await self._course.pause(alert.id, DISCONNECTED)
        return running

    async def _resumed(self, caller: Caller, alert: Alert) -> TurnedOn:
        if not alert.paused:
            return TurnedOn(alert, "already")
        now = self._clock()
        resumed = await self._course.change(
            alert.id, lambda one: replace(one, owner=caller, paused="", checked_at=now)
        )
        await self._run(resumed or alert)
        return TurnedOn(resumed or alert, "resumed")

    async def _run(self, alert: Alert) -> None:
        await self._sources.clear_strikes(alert.source)
        await self._sources.look_soon(alert.source, self._clock() + LOOK_SECONDS)

    async def _chosen(self, caller: Caller, channel_id: str, alert_id: str) -> Sequence[Alert]:
        there = await self._kept.of_channel(caller.team_id, channel_id)
        return [alert for alert in there if alert_id in ("", alert.id)]


def fit_for_alerts(filters: Filters, tenant: str) -> Filters:
    """The filters of an alert: failures, unless they say otherwise. Raises InvalidInput."""
    timed = filters.since is not None or filters.until is not None
    laid_out = filters.fields or filters.page != 1 or filters.size != Filters().size
    if timed or laid_out or filters.sort != NEWEST_FIRST:
        raise InvalidInput(
            "Alerts tell of what happens from now on, one after the other",
            advice="Leave out since:, until:, sort:, size:, page: and fields:.",
        )
    default = () if filters.raw_q else (FAILURE,)
    return replace(filters, tenant=tenant, statuses=filters.statuses or default, agent_guesses=())
