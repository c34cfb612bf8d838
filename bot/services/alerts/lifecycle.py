"""What becomes of alerts by the clock: due, posting, done, paused."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

from bot.domain.accounts import PolledConnection
from bot.domain.alerts import Alert, PostedAlert
from bot.errors import Busy
from bot.store.alerts import AlertStore

CHECK_SECONDS = 20 * 60 * 60.0

MOST_TRIES = 10
"""Somebody else may change the same alert at the same time; so often it is read again."""


class AlertLifecycle:
    """Changes alerts, whoever else does so. Every method raises StoreUnavailable."""

    def __init__(self, kept: AlertStore, clock: Callable[[], float]) -> None:
        self._kept, self._clock = kept, clock

    async def running(self, source: PolledConnection) -> list[Alert]:
        """Those of a connection that are not paused."""
        return [alert for alert in await self._kept.of_connection(source) if not alert.paused]

    async def done(self, alert: Alert, posts: tuple[PostedAlert, ...]) -> bool:
        """Its batch is posted, and these are the messages now; False where that was not written."""
        number = alert.batch.number if alert.batch else 0
        for _ in range(MOST_TRIES):
            now = await self._kept.load(alert.id)
            if now is None or now.batch is None or now.batch.number != number:
                return True
            if await self._kept.save(replace(now, batch=None), now, posts):
                return True
        return False

    async def pause(self, alert_id: str, reason: str) -> Alert | None:
        """It does not run until somebody resumes it; a worker posts the reason to its channel.

        Gives it as it is now, None where it is off. One that is paused already keeps its reason.
        """
        now = self._clock()

        def paused(alert: Alert) -> Alert:
            if alert.paused:
                return alert
            return replace(alert, paused=reason, paused_at=now, notices=0)

        return await self.change(alert_id, paused, poll_at=now)

    async def pause_all(self, source: PolledConnection, reason: str) -> list[Alert]:
        """Pause the alerts of a connection; gives those that ran."""
        running = await self.running(source)
        for alert in running:
            await self.pause(alert.id, reason)
        return running

    async def paused_with(self, alert: Alert) -> list[Alert]:
        """The alerts that were paused together with this one, which is among them."""
        pause = alert.paused, alert.paused_at
        there = await self._kept.of_connection(alert.connection)
        return [one for one in there if (one.paused, one.paused_at) == pause]

    async def noticed(self, alert: Alert) -> None:
        """One more notice about its pause was given."""

        def counted(now: Alert) -> Alert:
            same = (now.paused_at, now.notices) == (alert.paused_at, alert.notices)
            return replace(now, notices=now.notices + 1) if same else now

        await self.change(alert.id, counted)

    async def check(self, alert: Alert, is_gone: Callable[[str], Awaitable[bool]]) -> bool:
        """Whether its owner is still there; that is asked once a day."""
        now = self._clock()
        if now - alert.checked_at < CHECK_SECONDS:
            return True
        if await is_gone(alert.owner.user_id):
            return False
        await self.change(alert.id, lambda one: replace(one, checked_at=now))
        return True

    async def change(
        self,
        alert_id: str,
        how: Callable[[Alert], Alert],
        *,
        poll_at: float | None = None,
        starts: bool = False,
    ) -> Alert | None:
        """Change an alert and look at it by `poll_at`; None only if it is off.

        Raises Busy if other changes came first each time.
        """
        for _ in range(MOST_TRIES):
            alert = await self._kept.load(alert_id)
            if alert is None:
                return None
            if saved := await self._kept.save(how(alert), alert, poll_at=poll_at, starts=starts):
                return saved
        raise Busy

    async def remove(self, alert_id: str) -> Alert | None:
        """Turn an alert off; gives it as it was, None if it was off. Raises Busy as `change`."""
        for _ in range(MOST_TRIES):
            alert = await self._kept.load(alert_id)
            if alert is None or await self._kept.delete(alert):
                return alert
        raise Busy
