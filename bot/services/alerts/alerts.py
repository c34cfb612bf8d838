"""Alerts of a channel: turn on and off, mute, resume."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Literal

from bot.domain.accounts import Account, Caller, Connection, PolledConnection, require_connection
from bot.domain.alerts import Alert, MentionSettings
from bot.domain.conditions import NO_CONDITION, UNREADABLE, Condition, Progress, Silence
from bot.domain.filters import NEWEST_FIRST, Filters
from bot.domain.jobs import FAILED, RUNNING, created_at
from bot.domain.times import Clock
from bot.errors import InvalidInput, OutdatedButton
from bot.services.accounts import run_as
from bot.services.agents import NamedJobs
from bot.services.alerts.conditions import FEW_JOBS, WITH_TIME
from bot.services.alerts.lifecycle import AlertLifecycle
from bot.services.alerts.poll import ALERT_POLL_INTERVAL_SECONDS, fetch_changes, initial_watermark
from bot.services.concurrency import gather_all
from bot.services.filters.dates import Ago, parse_when
from bot.services.filters.definitions import SORTS
from bot.store.alerts import AlertStore

DEFAULT_MUTE = "2h"
MAX_MUTE = timedelta(days=30)
MUTE_ADVICE = "Use 30m, 2h, 1d or 1w (at most 30d)."


def mute_seconds(text: str) -> float:
    """Parse a mute duration into seconds; "" means two hours. Raises InvalidInput."""
    words = text.strip() or DEFAULT_MUTE
    try:
        length = parse_when((words,))
    except InvalidInput as error:
        raise InvalidInput("That isn't a duration", words, MUTE_ADVICE) from error
    if not isinstance(length, Ago) or not timedelta() < length.length <= MAX_MUTE:
        raise InvalidInput("That isn't a duration I can mute for", words, MUTE_ADVICE)
    return length.length.total_seconds()


SNOOZE_HOURS = {"1h": 1, "4h": 4}
SNOOZE_END = time(9)
MAX_SNOOZE_DAYS = 30
CANNOT_SNOOZE = "Failures can't be snoozed until then"


def snooze_end(until: str, now: float, zone: tzinfo | None, problem: str = CANNOT_SNOOZE) -> float:
    """When a snooze ends: after 1h or 4h, or at 9:00 on a day (tomorrow or ISO 8601) in a zone.

    Raises InvalidInput if that isn't in the future, or is more than 30 days away.
    """
    if until in SNOOZE_HOURS:
        return now + SNOOZE_HOURS[until] * 60 * 60
    today = datetime.fromtimestamp(now, zone or UTC).date()
    try:
        day = today + timedelta(1) if until == "tomorrow" else date.fromisoformat(until)
    except ValueError as error:
        raise InvalidInput("That isn't a date", until, "Choose a day.") from error
    if not today < day <= today + timedelta(MAX_SNOOZE_DAYS):
        advice = f"Choose a day from tomorrow to {MAX_SNOOZE_DAYS} days from now."
        raise InvalidInput(problem, advice=advice)
    return datetime.combine(day, SNOOZE_END, zone or UTC).timestamp()


DISCONNECTED = "disconnected"

StartOutcome = Literal["new", "already", "resumed", "changed"]


@dataclass(frozen=True, slots=True)
class TurnedOn:
    """An alert that is on, and whether it is new, was on already, was resumed or was changed.

    `previous_owner` is the owner before the change, or None for a new alert.
    """

    alert: Alert
    outcome: StartOutcome
    previous_owner: Caller | None = None


class AlertService:
    """The alerts of channels. Every method may raise StoreUnavailable."""

    def __init__(
        self,
        emporix: NamedJobs,
        store: AlertStore,
        lifecycle: AlertLifecycle,
        *,
        new_alert_id: Callable[[], str],
        clock: Clock,
    ) -> None:
        self._emporix, self._store, self._lifecycle = emporix, store, lifecycle
        self._new_alert_id, self._clock = new_alert_id, clock

    async def turn_on(
        self,
        account: Account,
        channel_id: str,
        filters: Filters,
        condition: Condition = NO_CONDITION,
    ) -> TurnedOn:
        """Turn on an alert in a channel, on the connection of `account`.

        If the channel has the same alert and it is paused, it resumes and the caller becomes its
        owner. Raises InvalidInput, LimitReached, NotConnected and EmporixError.
        """
        connection = require_connection(account, filters.tenant)
        wanted = alert_filters(filters, connection.tenant, condition)
        existing = await self._store.of_channel(account.caller.team_id, channel_id)
        now = self._clock()
        fetched = await fetch_changes(self._emporix, connection, wanted, 0.0, most_pages=1)
        for alert in existing:
            is_same = (alert.filters, alert.condition) == (wanted, condition)
            if is_same and (turned_on := await self._resume(account, alert)):
                return turned_on
        first_at = await self._first_job_at(connection, wanted) if condition.silent else 0.0
        new = Alert(
            id=self._new_alert_id(),
            owner=account.caller,
            channel_id=channel_id,
            filters=wanted,
            created_at=now,
            watermark=initial_watermark(fetched, now),
            polled_at=now,
            checked_at=now,
        )
        new = with_condition(new, condition, first_at)
        saved = await self._store.save(
            run_as(account, new), None, poll_at=now + ALERT_POLL_INTERVAL_SECONDS, starts=True
        )
        if saved is None:  # ids are never reused
            raise OutdatedButton("/emporix alerts list")
        return TurnedOn(saved, "new")

    async def _first_job_at(self, connection: Connection, filters: Filters) -> float:
        """When the first job that matches the filters was created; 0 if there is none."""
        oldest = replace(filters, sort=SORTS["oldest"], page=1, size=FEW_JOBS)
        page = await self._emporix.list_jobs(connection, oldest, WITH_TIME)
        return next(filter(None, map(created_at, page.jobs)), 0.0)

    async def resume(self, account: Account, channel_id: str, alert_id: str) -> TurnedOn | None:
        """Resume a paused alert on the connection of `account`; None if it is off.

        Raises NotConnected, LimitReached and EmporixError.
        """
        alert = await self._store.load(alert_id)
        if alert is None or alert.channel_id != channel_id:
            return None
        connection = require_connection(account, alert.tenant)
        await fetch_changes(self._emporix, connection, alert.filters, 0.0, most_pages=1)
        return await self._resume(account, alert)

    async def get(self, alert_id: str) -> Alert:
        """The alert with that id; raises OutdatedButton if there is none."""
        alert = await self._store.load(alert_id)
        if alert is None:
            raise OutdatedButton("/emporix alerts list")
        return alert

    async def get_in_channel(self, channel_id: str, alert_id: str) -> Alert:
        """The alert of a channel with that id; raises OutdatedButton if there is none."""
        alert = await self.get(alert_id)
        if alert.channel_id != channel_id:
            raise OutdatedButton("/emporix alerts list")
        return alert

    async def set_agent(self, account: Account, alert: Alert, agent: Filters) -> Alert:
        """Replace the agents of an alert, and forget the jobs of those before.

        Raises OutdatedButton if it is off, NotConnected and EmporixError. May raise Busy.
        """
        named = replace(alert.filters, agents=agent.agents, agent_names=agent.agent_names)
        silence = Silence()
        if alert.condition.silent:
            connection = require_connection(account, alert.tenant)
            silence = Silence(await self._first_job_at(connection, named))

        def changed(one: Alert) -> Alert:
            return replace(one, filters=named, progress=replace(one.progress, silence=silence))

        saved = await self._lifecycle.update(alert.id, changed)
        if saved is None:
            raise OutdatedButton("/emporix alerts list")
        return saved

    async def set_mentions(
        self, alert: Alert, change: Callable[[MentionSettings], MentionSettings]
    ) -> Alert:
        """Change whom an alert mentions; raises OutdatedButton if it is off. May raise Busy."""
        saved = await self._lifecycle.update(
            alert.id, lambda one: replace(one, mentions=change(one.mentions))
        )
        if saved is None:
            raise OutdatedButton("/emporix alerts list")
        return saved

    async def of_owner(self, caller: Caller, tenants: Iterable[str]) -> tuple[Alert, ...]:
        """The alerts on the caller's connections, by tenant and then oldest first."""
        sources = [PolledConnection(caller, tenant) for tenant in tenants]
        found = await gather_all(*map(self._store.of_connection, sources))
        return tuple(alert for alerts in found for alert in alerts)

    async def get_own(self, caller: Caller, alert_id: str) -> Alert:
        """The caller's own alert with that id; raises OutdatedButton if there is none."""
        alert = await self._store.load(alert_id)
        if alert is None or alert.owner != caller:
            raise OutdatedButton("/emporix alerts list")
        return alert

    async def turn_off(
        self, caller: Caller, channel_id: str, alert_id: str = ""
    ) -> Sequence[Alert]:
        """Turn off one alert of a channel, or all; returns those that were on. May raise Busy."""
        alerts = await self._matching(caller, channel_id, alert_id)
        removed = [await self._lifecycle.delete(alert.id) for alert in alerts]
        return [alert for alert in removed if alert]

    async def mute(
        self, caller: Caller, channel_id: str, until: float, alert_id: str = ""
    ) -> Sequence[Alert]:
        """Mute one alert of a channel, or all, until a time; 0 unmutes. Returns the new state.

        May raise Busy.
        """
        alerts = await self._matching(caller, channel_id, alert_id)
        poll_at = max(until, self._clock())
        muted = [
            await self._lifecycle.update(
                alert.id, lambda one: replace(one, muted_until=until), poll_at=poll_at
            )
            for alert in alerts
        ]
        return [alert for alert in muted if alert]

    async def pause_disconnected(self, caller: Caller, tenant: str) -> Sequence[Alert]:
        """Pause the alerts of a deleted connection; returns those that were running."""
        return await self._lifecycle.pause_all(PolledConnection(caller, tenant), DISCONNECTED)

    async def _resume(self, account: Account, alert: Alert) -> TurnedOn | None:
        """Resume an alert, or only schedule its next poll if it is running; None if it is off."""
        now = self._clock()
        poll_at = now + ALERT_POLL_INTERVAL_SECONDS
        if not alert.paused:
            await self._store.connections.poll_by(alert.connection, poll_at)
            return TurnedOn(alert, "already", alert.owner)

        def resumed(one: Alert) -> Alert:
            if not one.paused:  # another user resumed it first
                return one
            mine = run_as(account, one)
            return replace(mine, paused="", paused_at=0.0, notices=0, checked_at=now)

        saved = await self._lifecycle.update(alert.id, resumed, poll_at=poll_at, starts=True)
        if saved is None:
            return None
        how: StartOutcome = "resumed" if saved.owner == account.caller else "already"
        return TurnedOn(saved, how, alert.owner)

    async def _matching(self, caller: Caller, channel_id: str, alert_id: str) -> Sequence[Alert]:
        existing = await self._store.of_channel(caller.team_id, channel_id)
        return [alert for alert in existing if alert_id in ("", alert.id)]


def with_condition(alert: Alert, condition: Condition, first_at: float) -> Alert:
    """A new alert with a condition; `first_at` is when the first job for a silence was created."""
    if not condition.kind:
        return alert
    progress = Progress(alert.watermark, silence=Silence(first_at))
    return replace(alert, watermark=UNREADABLE, condition=condition, progress=progress)


def alert_filters(filters: Filters, tenant: str, condition: Condition = NO_CONDITION) -> Filters:
    """Check the filters of an alert; without a status, it reports failures. Raises InvalidInput.

    A stuck job is running; a silence is one of all jobs, or of those with a status.
    """
    timed = filters.since is not None or filters.until is not None
    laid_out = filters.fields or filters.page != 1 or filters.size != Filters().size
    if timed or laid_out or filters.sort != NEWEST_FIRST:
        raise InvalidInput(
            "Alerts report each job when it happens",
            advice="Leave out since:, until:, sort:, size:, page: and fields:.",
        )
    if condition.stuck and filters.statuses not in ((), (RUNNING,)):
        raise InvalidInput("stuck: reports running jobs", advice="Leave out status:.")
    if condition.silent and RUNNING in filters.statuses:
        raise InvalidInput("silent: can't count running jobs", advice="Leave out status:running.")
    default = () if filters.raw_q or condition.silent else (RUNNING if condition.stuck else FAILED,)
    return replace(
        filters,
        tenant=tenant,
        statuses=filters.statuses or default,
        agent_guesses=(),
        unknown_agents=(),
    )
