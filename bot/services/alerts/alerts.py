"""Alerts of a channel: turned on and off, muted, taken over."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Literal

from bot.domain.accounts import Account, Caller, PolledConnection
from bot.domain.alerts import Alert
from bot.domain.filters import NEWEST_FIRST, Filters
from bot.errors import InvalidInput, OutdatedButton
from bot.services.accounts import require_connection, run_as
from bot.services.agents import NamedJobs
from bot.services.alerts.lifecycle import AlertLifecycle
from bot.services.alerts.poll import FAILURE, LOOK_SECONDS, fetch
from bot.services.alerts.watermark import first_mark
from bot.services.concurrency import gather_all
from bot.services.filters.values import Ago, when
from bot.store.alerts import AlertStore

DEFAULT = "2h"
LONGEST = timedelta(days=30)
POSSIBLE = "Type 30m, 2h, 1d or 1w; at most 30d."


def mute_seconds(text: str) -> float:
    """Seconds; two hours for nothing. Raises InvalidInput."""
    words = text.strip() or DEFAULT
    try:
        length = when((words,))
    except InvalidInput as error:
        raise InvalidInput("That is no length of time", words, POSSIBLE) from error
    if not isinstance(length, Ago) or not timedelta() < length.length <= LONGEST:
        raise InvalidInput("That is no length of time to mute for", words, POSSIBLE)
    return length.length.total_seconds()


DISCONNECTED = "disconnected"

How = Literal["new", "already", "resumed"]


@dataclass(frozen=True, slots=True)
class TurnedOn:
    """`how` it came: new, running already, or going on after it was paused.

    `before` is whose connection it ran on until then, None for a new one.
    """

    alert: Alert
    how: How
    before: Caller | None = None


class AlertService:
    """The alerts of channels. Every method raises StoreUnavailable."""

    def __init__(
        self,
        emporix: NamedJobs,
        kept: AlertStore,
        course: AlertLifecycle,
        *,
        new_alert_id: Callable[[], str],
        clock: Callable[[], float],
    ) -> None:
        self._emporix, self._kept, self._course = emporix, kept, course
        self._new_alert_id, self._clock = new_alert_id, clock

    async def on(self, account: Account, channel_id: str, filters: Filters) -> TurnedOn:
        """Tell a channel of what is new from now on, by the connection of whoever asks.

        Where the channel has such an alert already, whoever asks becomes its owner if it is paused.
        Raises InvalidInput, LimitReached, NotConnected and what Emporix raises.
        """
        connection = require_connection(account, filters.tenant)
        wanted = fit_for_alerts(filters, connection.tenant)
        there = await self._kept.of_channel(account.caller.team_id, channel_id)
        now = self._clock()
        fetched = await fetch(self._emporix, connection, wanted, 0.0, most_pages=1)
        for alert in there:
            if alert.filters == wanted and (turned_on := await self._resumed(account, alert)):
                return turned_on
        new = Alert(
            id=self._new_alert_id(),
            owner=account.caller,
            channel_id=channel_id,
            filters=wanted,
            created_at=now,
            watermark=first_mark(fetched, now),
            polled_at=now,
            checked_at=now,
        )
        saved = await self._kept.save(
            run_as(account, new), None, poll_at=now + LOOK_SECONDS, starts=True
        )
        if saved is None:  # an id is never given twice
            raise OutdatedButton("/emporix alerts list")
        return TurnedOn(saved, "new")

    async def resume(self, account: Account, channel_id: str, alert_id: str) -> TurnedOn | None:
        """Go on with a paused alert, on the connection of whoever asks; None where it is off.

        Raises NotConnected, LimitReached and what Emporix raises.
        """
        alert = await self._kept.load(alert_id)
        if alert is None or alert.channel_id != channel_id:
            return None
        connection = require_connection(account, alert.tenant)
        await fetch(self._emporix, connection, alert.filters, 0.0, most_pages=1)
        return await self._resumed(account, alert)

    async def of_owner(self, caller: Caller, tenants: Iterable[str]) -> tuple[Alert, ...]:
        """Those on the caller's connections to these tenants, oldest first in each."""
        sources = [PolledConnection(caller, tenant) for tenant in tenants]
        found = await gather_all(*map(self._kept.of_connection, sources))
        return tuple(alert for alerts in found for alert in alerts)

    async def owned(self, caller: Caller, alert_id: str) -> Alert:
        """The caller's own alert of that id; raises OutdatedButton where they have none."""
        alert = await self._kept.load(alert_id)
        if alert is None or alert.owner != caller:
            raise OutdatedButton("/emporix alerts list")
        return alert

    async def off(self, caller: Caller, channel_id: str, alert_id: str = "") -> Sequence[Alert]:
        """Turn off one alert of a channel, or all; gives those that were on. May raise Busy."""
        alerts = await self._chosen(caller, channel_id, alert_id)
        removed = [await self._course.remove(alert.id) for alert in alerts]
        return [alert for alert in removed if alert]

    async def mute(
        self, caller: Caller, channel_id: str, until: float, alert_id: str = ""
    ) -> Sequence[Alert]:
        """Post nothing until then; 0 means to post again. Gives the alerts as they are now.

        May raise Busy.
        """
        alerts = await self._chosen(caller, channel_id, alert_id)
        poll_at = max(until, self._clock())
        muted = [
            await self._course.change(
                alert.id, lambda one: replace(one, muted_until=until), poll_at=poll_at
            )
            for alert in alerts
        ]
        return [alert for alert in muted if alert]

    async def orphan(self, caller: Caller, tenant: str) -> Sequence[Alert]:
        """Pause the alerts of a connection that is gone; gives those that ran."""
        return await self._course.pause_all(PolledConnection(caller, tenant), DISCONNECTED)

    async def _resumed(self, account: Account, alert: Alert) -> TurnedOn | None:
        """Also where it runs already it is scheduled; None where it was turned off meanwhile."""
        now = self._clock()
        poll_at = now + LOOK_SECONDS
        if not alert.paused:
            await self._kept.connections.poll_by(alert.connection, poll_at)
            return TurnedOn(alert, "already", alert.owner)

        def resumed(one: Alert) -> Alert:
            if not one.paused:  # somebody else was faster
                return one
            mine = run_as(account, one)
            return replace(mine, paused="", paused_at=0.0, notices=0, checked_at=now)

        saved = await self._course.change(alert.id, resumed, poll_at=poll_at, starts=True)
        if saved is None:
            return None
        how: How = "resumed" if saved.owner == account.caller else "already"
        return TurnedOn(saved, how, alert.owner)

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
