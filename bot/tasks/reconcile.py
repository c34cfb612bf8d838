"""Repair of the indexes of what is due: every 10 minutes, by one worker for all of them."""

from __future__ import annotations

from bot.clockwork.calls import every
from bot.services.concurrency import gather_all
from bot.store.alerts import AlertStore
from bot.store.cleans import CleanStore
from bot.store.digests import DigestStore
from bot.store.shifts import Shifts
from bot.store.watches import WatchStore

EVERY_SECONDS = 10 * 60.0
TRY_SECONDS = 60.0
"""After so long another worker begins again, where one has failed or died meanwhile."""

SHIFT_SECONDS = EVERY_SECONDS - TRY_SECONDS / 2
"""A little less, so that each period has a worker."""


@every(TRY_SECONDS)
async def reconcile(
    now: float,
    shifts: Shifts,
    digest_store: DigestStore,
    alert_store: AlertStore,
    watch_store: WatchStore,
    cleanup_store: CleanStore,
) -> None:
    """Each kind of record restores its own missing entries, and logs them.

    One kind that fails keeps no other from it.
    """
    if not await shifts.take("reconcile", TRY_SECONDS):
        return
    await gather_all(
        digest_store.due.reconcile(now),
        alert_store.sources.due.reconcile(now),
        watch_store.sources.due.reconcile(now),
        cleanup_store.due.reconcile(now),
    )
    await shifts.keep("reconcile", SHIFT_SECONDS)
