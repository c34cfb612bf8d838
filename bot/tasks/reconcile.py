"""Repair of the indexes of what is due: every 10 minutes, by one worker for all of them."""

from __future__ import annotations

from bot.clockwork.calls import every
from bot.services.alerts.course import AlertCourse
from bot.services.cleans.running import CleanRuns
from bot.services.digests.digests import Digests
from bot.services.watches.watching import Watching
from bot.store.shifts import Shifts

EVERY_SECONDS = 10 * 60.0
SHIFT_SECONDS = EVERY_SECONDS - 30
"""A little less, so that each period has a worker."""


@every(EVERY_SECONDS)
async def reconcile(
    shifts: Shifts,
    digests: Digests,
    alert_course: AlertCourse,
    watching: Watching,
    clean_runs: CleanRuns,
) -> None:
    """Each kind of record restores its own missing entries, and logs them."""
    if not await shifts.take("reconcile", SHIFT_SECONDS):
        return
    await digests.reconcile()
    await alert_course.reconcile()
    await watching.reconcile()
    await clean_runs.reconcile()
