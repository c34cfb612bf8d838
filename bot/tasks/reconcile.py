"""Reconciliation: whatever is followed has its place in the due index."""

from __future__ import annotations

from bot.clockwork.calls import every
from bot.services.alerts.course import AlertCourse
from bot.services.watches.watching import Watching
from bot.store.alive import Alive

EVERY_SECONDS = 600.0
TURN_SECONDS = 540.0
"""Less than the period, so that the next one finds the lock free."""


@every(EVERY_SECONDS)
async def reconcile(alive: Alive, alert_course: AlertCourse, watching: Watching) -> None:
    """In one worker at a time."""
    if await alive.take_turn("reconcile", TURN_SECONDS):
        await alert_course.reconcile()
        await watching.reconcile()
