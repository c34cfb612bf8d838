"""Maintenance tasks: heartbeat, reconciliation of due indexes, retention."""

from __future__ import annotations

import logging

from bot.scheduler.tasks import TaskQueue, periodic
from bot.services.concurrency import gather_all
from bot.services.departures import Departures
from bot.slack.errors import SLACK_ERRORS, describe
from bot.slack.installation import Installation
from bot.store.alerts import AlertStore
from bot.store.audit import AuditLog
from bot.store.cleanups import CleanupStore
from bot.store.digests import DigestStore
from bot.store.health import Heartbeats
from bot.store.locks import WorkerLeases
from bot.store.watches import WatchStore

SECONDS = 2.0


@periodic(SECONDS)
async def say_alive(now: float, worker_id: str, heartbeats: Heartbeats, queue: TaskQueue) -> None:
    """Only while it can take tasks: a worker whose queue is silent does not count."""
    if queue.is_answering:
        await heartbeats.heartbeat(worker_id, now)


EVERY_SECONDS = 10 * 60.0
TRY_SECONDS = 60.0
"""After so long another worker begins again, where one has failed or died meanwhile."""

SHIFT_SECONDS = EVERY_SECONDS - TRY_SECONDS / 2
"""A little less, so that each period has a worker."""


@periodic(TRY_SECONDS)
async def reconcile(
    now: float,
    worker_leases: WorkerLeases,
    digest_store: DigestStore,
    alert_store: AlertStore,
    watch_store: WatchStore,
    cleanup_store: CleanupStore,
) -> None:
    """Each kind of record restores its own missing entries, and logs them.

    One kind that fails keeps no other from it.
    """
    if not await worker_leases.take("reconcile", TRY_SECONDS):
        return
    await gather_all(
        digest_store.due.reconcile(now),
        alert_store.sources.due.reconcile(now),
        watch_store.sources.due.reconcile(now),
        cleanup_store.due.reconcile(now),
    )
    await worker_leases.keep("reconcile", SHIFT_SECONDS)


logger = logging.getLogger(__name__)

LOOK_SECONDS = 60.0
DAY_SECONDS = 24 * 60 * 60.0


@periodic(LOOK_SECONDS, while_stopped=True)
async def teams(
    departures: Departures, installation: Installation, worker_leases: WorkerLeases
) -> None:
    """Resume where the app is installed again, and delete the data of where it stays away."""
    if not await departures.is_any_stopped() or not await worker_leases.take("teams", LOOK_SECONDS):
        return
    try:
        installed_in = await installation.team_id()
    except SLACK_ERRORS as error:
        logger.warning("whether the app is installed is not known: %s", describe(error))
        return
    await departures.settle_teams(installed_in)


@periodic(LOOK_SECONDS, while_stopped=True)
async def daily(departures: Departures, audit: AuditLog, worker_leases: WorkerLeases) -> None:
    """Once a day; where it fails, another worker tries again a minute later."""
    if not await worker_leases.take("retention", LOOK_SECONDS):
        return
    await departures.delete_abandoned()
    if count := await audit.trim():
        logger.info("%d entries of audit logs were too old, and deleted", count)
    await worker_leases.keep("retention", DAY_SECONDS)
