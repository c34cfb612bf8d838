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
from bot.store.due_index import AgentPauseStore, RunStore
from bot.store.health import Heartbeats
from bot.store.locks import WorkerLeases
from bot.store.watches import WatchStore

HEARTBEAT_INTERVAL_SECONDS = 2.0


@periodic(HEARTBEAT_INTERVAL_SECONDS)
async def send_heartbeat(
    now: float, worker_id: str, heartbeats: Heartbeats, queue: TaskQueue
) -> None:
    """Record a heartbeat only if the queue answers; otherwise, the worker can't take tasks."""
    if queue.is_answering:
        await heartbeats.record(worker_id, now)


RECONCILE_INTERVAL_SECONDS = 10 * 60.0
RECONCILE_RETRY_SECONDS = 60.0
"""Time after which another worker retries if the first one has failed or died."""

RECONCILE_LEASE_SECONDS = RECONCILE_INTERVAL_SECONDS - RECONCILE_RETRY_SECONDS / 2
"""Slightly less than the interval, so that no period is skipped."""


@periodic(RECONCILE_RETRY_SECONDS)
async def reconcile(
    now: float,
    worker_leases: WorkerLeases,
    digest_store: DigestStore,
    alert_store: AlertStore,
    watch_store: WatchStore,
    cleanup_store: CleanupStore,
    run_store: RunStore,
    agent_pause_store: AgentPauseStore,
) -> None:
    """Restore missing entries of all due indexes.

    If one index can't be restored, the others still are.
    """
    if not await worker_leases.acquire("reconcile", RECONCILE_RETRY_SECONDS):
        return
    await gather_all(
        digest_store.due.reconcile(now),
        alert_store.connections.due.reconcile(now),
        alert_store.responses.due.reconcile(now),
        watch_store.connections.due.reconcile(now),
        cleanup_store.due.reconcile(now),
        run_store.due.reconcile(now),
        agent_pause_store.due.reconcile(now),
    )
    await worker_leases.extend("reconcile", RECONCILE_LEASE_SECONDS)


logger = logging.getLogger(__name__)

RETENTION_RETRY_SECONDS = 60.0
RETENTION_INTERVAL_SECONDS = 24 * 60 * 60.0


@periodic(RETENTION_RETRY_SECONDS, while_stopped=True)
async def update_stopped_teams(
    departures: Departures, installation: Installation, worker_leases: WorkerLeases
) -> None:
    """Resume work where the app is installed again; delete data where it remains uninstalled."""
    if not await departures.is_any_stopped() or not await worker_leases.acquire(
        "teams", RETENTION_RETRY_SECONDS
    ):
        return
    try:
        installed_in = await installation.team_id()
    except SLACK_ERRORS as error:
        logger.warning("could not check whether the app is installed: %s", describe(error))
        return
    await departures.update_stopped_teams(installed_in)


@periodic(RETENTION_RETRY_SECONDS, while_stopped=True)
async def apply_retention(
    departures: Departures, audit: AuditLog, worker_leases: WorkerLeases
) -> None:
    """Delete expired data once a day; after a failure, another worker retries a minute later."""
    if not await worker_leases.acquire("retention", RETENTION_RETRY_SECONDS):
        return
    await departures.delete_abandoned()
    if count := await audit.delete_old_entries():
        logger.info("%d audit log entries were too old and have been deleted", count)
    await worker_leases.extend("retention", RETENTION_INTERVAL_SECONDS)
