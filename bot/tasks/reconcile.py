"""Repair of the indexes of what is due: every 10 minutes, by one worker for all of them."""

from __future__ import annotations

import asyncio

from bot.clockwork.calls import every
from bot.services.alerts.course import AlertCourse
from bot.services.cleans.running import CleanRuns
from bot.services.digests.digests import Digests
from bot.services.watches.watching import Watching
from bot.store.shifts import Shifts

EVERY_SECONDS = 10 * 60.0
TRY_SECONDS = 60.0
"""After so long another worker begins again, where one has failed or died meanwhile."""

SHIFT_SECONDS = EVERY_SECONDS - TRY_SECONDS / 2
"""A little less, so that each period has a worker."""


@every(TRY_SECONDS)
async def reconcile(
    shifts: Shifts,
    digests: Digests,
    alert_course: AlertCourse,
    watching: Watching,
    clean_runs: CleanRuns,
) -> None:
    """Each kind of record restores its own missing entries, and logs them.

    One kind that fails keeps no other from it.
    """
    if not await shifts.take("reconcile", TRY_SECONDS):
        return
    done = await asyncio.gather(
        digests.reconcile(),
        alert_course.reconcile(),
        watching.reconcile(),
        clean_runs.reconcile(),
        return_exceptions=True,
    )
    for error in done:
        if isinstance(error, BaseException):
            raise error
    await shifts.keep("reconcile", SHIFT_SECONDS)
