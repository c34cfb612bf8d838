"""Changes the state of alerts: posted, paused, notified, owner checked."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

from bot.domain.accounts import PolledConnection
from bot.domain.alerts import Alert, PendingMention, PostedAlert
from bot.domain.times import Clock
from bot.errors import Busy
from bot.services.alerts.grouping import MAX_PENDING_MENTIONS, without_mention
from bot.store.alerts import AlertStore

OWNER_CHECK_INTERVAL_SECONDS = 20 * 60 * 60.0

MAX_ALERT_SAVE_ATTEMPTS = 10
"""Attempts to save an alert that users or workers change at the same time."""


class AlertLifecycle:
    """Changes alerts and retries after concurrent changes. Methods raise StoreUnavailable."""

    def __init__(self, store: AlertStore, clock: Clock) -> None:
        self._store, self._clock = store, clock

    async def list_running(self, source: PolledConnection) -> list[Alert]:
        """The alerts of a connection that are not paused."""
        return [alert for alert in await self._store.of_connection(source) if not alert.paused]

    async def mark_posted(
        self,
        alert: Alert,
        posts: tuple[PostedAlert, ...],
        mentions: tuple[PendingMention, ...] = (),
    ) -> bool:
        """Save that the batch was posted, with its messages and the mentions that follow.

        Returns False if it could not be saved.
        """
        number = alert.batch.number if alert.batch else 0
        for _ in range(MAX_ALERT_SAVE_ATTEMPTS):
            now = await self._store.load(alert.id)
            if now is None or now.batch is None or now.batch.number != number:
                return True
            pending = (*now.pending, *mentions)[-MAX_PENDING_MENTIONS:]
            if await self._store.save(replace(now, batch=None, pending=pending), now, posts):
                return True
        return False

    async def mark_mentioned(
        self, alert: Alert, mention: PendingMention, *, is_posted: bool
    ) -> None:
        """Save that a mention was posted or dropped; a reminder may follow it."""
        now = self._clock()
        await self.update(alert.id, lambda one: without_mention(one, mention, is_posted, now))

    async def pause(self, alert_id: str, reason: str) -> Alert | None:
        """Pause an alert until a user resumes it; a worker posts the reason to its channel.

        Returns its new state, or None if it is off. If it is paused already, its reason is kept.
        """
        now = self._clock()

        def paused(alert: Alert) -> Alert:
            if alert.paused:
                return alert
            return replace(alert, paused=reason, paused_at=now, notices=0)

        return await self.update(alert_id, paused, poll_at=now)

    async def pause_all(self, source: PolledConnection, reason: str) -> list[Alert]:
        """Pause the alerts of a connection; returns those that were running."""
        running = await self.list_running(source)
        for alert in running:
            await self.pause(alert.id, reason)
        return running

    async def paused_together_with(self, alert: Alert) -> list[Alert]:
        """The alerts that were paused together with this one, including itself."""
        pause = alert.paused, alert.paused_at
        existing = await self._store.of_connection(alert.connection)
        return [one for one in existing if (one.paused, one.paused_at) == pause]

    async def record_notice(self, alert: Alert) -> None:
        """Count a posted notice about the pause."""

        def counted(now: Alert) -> Alert:
            same = (now.paused_at, now.notices) == (alert.paused_at, alert.notices)
            return replace(now, notices=now.notices + 1) if same else now

        await self.update(alert.id, counted)

    async def check_owner(self, alert: Alert, is_gone: Callable[[str], Awaitable[bool]]) -> bool:
        """Whether the owner is still in Slack; checked once a day."""
        now = self._clock()
        if now - alert.checked_at < OWNER_CHECK_INTERVAL_SECONDS:
            return True
        if await is_gone(alert.owner.user_id):
            return False
        await self.update(alert.id, lambda one: replace(one, checked_at=now))
        return True

    async def update(
        self,
        alert_id: str,
        how: Callable[[Alert], Alert],
        *,
        poll_at: float | None = None,
        starts: bool = False,
    ) -> Alert | None:
        """Change an alert and poll it by `poll_at`; returns None only if it is off.

        Raises Busy if another change came first in every attempt.
        """
        for _ in range(MAX_ALERT_SAVE_ATTEMPTS):
            alert = await self._store.load(alert_id)
            if alert is None:
                return None
            if saved := await self._store.save(how(alert), alert, poll_at=poll_at, starts=starts):
                return saved
        raise Busy

    async def delete(self, alert_id: str) -> Alert | None:
        """Turn an alert off; returns its last state, None if it was off. May raise Busy."""
        for _ in range(MAX_ALERT_SAVE_ATTEMPTS):
            alert = await self._store.load(alert_id)
            if alert is None or await self._store.delete(alert):
                return alert
        raise Busy
