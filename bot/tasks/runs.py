"""Looks after jobs that were run again: finds their jobs, watches them, and tells the alerts."""

from __future__ import annotations

import logging

from bot.domain.alerts import Alert
from bot.domain.runs import Run
from bot.domain.watches import NO_MESSAGE, MessageRef, Watch
from bot.errors import NotInChannel
from bot.scheduler.tasks import TaskContext, TaskQueue, periodic, task
from bot.services.alerts.grouping import post_of
from bot.services.runs import RunService
from bot.services.sharing import SharingService
from bot.services.watches import MAX_WATCHES, MIN_WATCH_INTERVAL_SECONDS
from bot.slack.errors import SLACK_ERRORS, describe
from bot.slack.posting.notifier import Notifier
from bot.slack.posting.post_once import OutgoingMessage
from bot.store.alerts import AlertStore
from bot.store.due_index import RunStore
from bot.store.watches import WatchStore

QUEUE_INTERVAL_SECONDS = 1.0
MAX_DUE = 200

MAX_ALERT_THREADS = 5
"""Messages of alerts whose threads say that a job was run again."""

logger = logging.getLogger(__name__)


@periodic(QUEUE_INTERVAL_SECONDS)
async def queue_due_runs(now: float, run_store: RunStore, queue: TaskQueue) -> None:
    for run_id in await run_store.due.claim(now, MAX_DUE):
        await queue.put("runs.follow", run_id, run_id=run_id)


@task
async def follow(
    run_id: str,
    now: float,
    context: TaskContext,
    runs: RunService,
    watch_store: WatchStore,
    alert_store: AlertStore,
    sharing: SharingService,
    notifier: Notifier,
) -> None:
    """Look for the new job if necessary; then link it, once, or say that there is none."""
    run = await runs.check(run_id)
    if run is None:
        return
    context.owner, context.subject = run.caller, f"job {run.job_id}, which you ran again"
    if run.state == "unknown":
        if not run.is_shown and await _tell(run, "unknown", notifier):
            await runs.mark_shown(run)
        return
    if run.state == "started":
        threads = await _threads_of(run, alert_store, runs)
        await _link(run, now, threads, watch_store, sharing, notifier)
    if run.was_unknown:
        await _tell(run, run.state, notifier)
    await runs.settle(run)


async def _link(
    run: Run,
    now: float,
    threads: list[tuple[Alert, str]],
    watch_store: WatchStore,
    sharing: SharingService,
    notifier: Notifier,
) -> None:
    """Post in the threads of the alerts about the failed job, and watch the new one."""
    for alert, ts in threads:
        name = f"run:{run.session_id}:alert:{alert.id}:{ts}"
        post = OutgoingMessage(name, run.caller.team_id, alert.channel_id, run.at, ts)
        await notifier.post_admitted(post, sharing.admit, "jobs/run_again.thread", run=run)
    place = await _place_of(run, threads, notifier)
    watch = Watch(
        id=run.session_id.replace("-", "")[:16],  # the same if this task runs again
        owner=run.caller,
        tenant=run.tenant,
        job_id=run.new_job_id,
        since=run.at,
        channel_id=place.channel_id,
        message_ts=place.message_ts,
        agent=run.agent,
        type="AGENT_CHAT",
    )
    added = await watch_store.add(watch, now + MIN_WATCH_INTERVAL_SECONDS, MAX_WATCHES)
    if added == "full":
        await _tell(run, "not_watched", notifier)


async def _place_of(run: Run, threads: list[tuple[Alert, str]], notifier: Notifier) -> MessageRef:
    """The first of these threads that the user can read, to post there how the new job ended."""
    for alert, ts in threads:
        channel_id = alert.channel_id
        try:
            is_there = channel_id == run.channel_id or await notifier.is_member(
                channel_id, run.caller.user_id
            )
        except (NotInChannel, *SLACK_ERRORS) as error:
            logger.warning("the result of a watch is sent as a direct message: %s", describe(error))
            is_there = False
        if is_there:
            return MessageRef(channel_id, ts)
    return NO_MESSAGE


async def _threads_of(
    run: Run, alert_store: AlertStore, runs: RunService
) -> list[tuple[Alert, str]]:
    """The messages of alerts that report the failed job; first the one it was opened from."""
    team = await alert_store.of_team(run.caller.team_id)
    alerts = [alert for alert in team if alert.tenant == run.tenant]
    job = await runs.failed_job(run) if alerts else None
    found = []
    for alert, posts in zip(alerts, await alert_store.posts_of(alerts), strict=True):
        reported = post_of(run.job_id, job, alert, posts)
        for post in posts:
            is_origin = (alert.channel_id, post.ts) == (run.channel_id, run.thread_ts)
            if is_origin or post == reported:
                found.append((not is_origin, alert, post.ts))
    found.sort(key=lambda one: one[0])
    return [(alert, ts) for _, alert, ts in found[:MAX_ALERT_THREADS]]


async def _tell(run: Run, outcome: str, notifier: Notifier) -> bool:
    """Send a direct message about an outcome, once."""
    name = f"run:{run.session_id}:{outcome}"
    return await notifier.send_direct(
        name, run.caller, run.at, "jobs/run_again.outcome", outcome=outcome, run=run
    )
