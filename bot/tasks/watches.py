"""Polls watched jobs when they are due, and posts the end of each job once."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from functools import partial

from bot.domain.accounts import Account, Caller, PolledConnection
from bot.domain.jobs import Job
from bot.domain.watches import Watch
from bot.errors import EmporixError, NotFound, RetryLater, ShareRefused
from bot.scheduler.tasks import TaskContext, TaskQueue, periodic, task
from bot.services.deletes import SharedDeletes
from bot.services.departures import Departures
from bot.services.jobs import JobCard, JobService
from bot.services.sharing import SharingService
from bot.services.watches import WatchService, backoff_seconds, job_duration
from bot.slack.errors import SLACK_ERRORS, describe, retry_seconds
from bot.slack.posting.notifier import Notifier
from bot.slack.posting.post_once import OutgoingMessage
from bot.store.accounts import AccountStore
from bot.store.watches import WatchStore

QUEUE_INTERVAL_SECONDS = 1.0
MAX_DUE = 200

logger = logging.getLogger(__name__)


@periodic(QUEUE_INTERVAL_SECONDS)
async def queue_due_watches(now: float, watch_store: WatchStore, queue: TaskQueue) -> None:
    for source in await watch_store.connections.claim_due(now, MAX_DUE):
        await queue.put("watches.poll", source.name, source=source.name)


@task
async def poll(source: str, now: float, watches: WatchService, queue: TaskQueue) -> None:
    """Poll all jobs that a user watches in a tenant, in one query."""
    seen = await watches.poll(PolledConnection.parse(source))
    for ending in seen.endings:
        await queue.put(
            "watches.post",
            ending.watch.id,
            source=source,
            watch_id=ending.watch.id,
            outcome=ending.outcome,
            at=now,
        )
    if seen.connection_error:
        await queue.put(
            "watches.end_broken", source, source=source, reason=seen.connection_error, at=now
        )


@task
async def post(
    source: str,
    watch_id: str,
    outcome: str,
    at: float,
    context: TaskContext,
    watches: WatchService,
    watch_store: WatchStore,
    account_store: AccountStore,
    jobs: JobService,
    shared_deletes: SharedDeletes,
    sharing: SharingService,
    notifier: Notifier,
    departures: Departures,
) -> None:
    """Post in the channel if everyone there may see the job; otherwise notify only the watcher."""
    watch = await watches.find(PolledConnection.parse(source), watch_id)
    if watch is None:
        return  # already posted, or no longer watched
    context.owner, context.subject = watch.owner, f"job {watch.job_id}, which you were watching"
    context.on_give_up = partial(watch_store.remove, watch.owner, watch.tenant, watch.job_id)
    if await _is_gone(watch.owner, notifier):
        await departures.remove_user(watch.owner)
        return
    account = await account_store.load(watch.owner)
    card = await _load_card(account, watch, jobs) if outcome == "ended" else None
    may_be_public = partial(_may_be_public, watch, sharing, notifier)
    public = await may_be_public()
    if watch.message_ts and card and public:
        await _update_shown(account, watch, jobs, shared_deletes, notifier, may_be_public)
        public = await may_be_public()
    await _post(watch, outcome, at, card.job if card else None, notifier, public=public)
    await watch_store.remove(watch.owner, watch.tenant, watch.job_id)


@task
async def end_broken(
    source: str,
    reason: str,
    at: float,
    watches: WatchService,
    watch_store: WatchStore,
    notifier: Notifier,
) -> None:
    """End all watches of a connection that no longer works, and notify its owner once."""
    broken = PolledConnection.parse(source)
    ended = await watch_store.of_owner(broken.owner, broken.tenant)
    if not ended:
        return
    facts = {"tenant": broken.tenant, "reason": reason, "count": len(ended)}
    name = f"watch:{ended[0].id}:broken"
    await notifier.send_direct(name, broken.owner, at, "jobs/watch.broken", **facts)
    await watches.end_all(broken.owner, broken.tenant)


async def _is_gone(owner: Caller, notifier: Notifier) -> bool:
    """Whether a watcher has left; False after a permanent error: an extra message is harmless."""
    try:
        return await notifier.has_left(owner.user_id)
    except SLACK_ERRORS as error:
        _retry_if_temporary(error)
        logger.warning("could not check whether a watcher has left: %s", describe(error))
        return False


async def _may_be_public(watch: Watch, sharing: SharingService, notifier: Notifier) -> bool:
    """Whether the job may be shown in the channel, whose members may have changed."""
    if not watch.channel_id:
        return False
    try:
        sharing.admit(await notifier.audience(watch.channel_id))
    except ShareRefused as refused:
        logger.info("the result of a watch is sent as a direct message: %s", refused.reason)
        return False
    except SLACK_ERRORS as error:
        _retry_if_temporary(error)
        logger.warning("the result of a watch is sent as a direct message: %s", describe(error))
        return False
    return True


def _retry_if_temporary(error: Exception) -> None:
    if (seconds := retry_seconds(error)) is not None:
        raise RetryLater(seconds, describe(error)) from error


async def _load_card(account: Account, watch: Watch, jobs: JobService) -> JobCard | None:
    try:
        return await jobs.get(account, watch.job_id, watch.tenant)
    except NotFound:
        return None
    except EmporixError as error:  # the next poll detects a broken connection
        raise RetryLater(backoff_seconds(error), str(error)) from error


async def _update_shown(
    account: Account,
    watch: Watch,
    jobs: JobService,
    shared_deletes: SharedDeletes,
    notifier: Notifier,
    may_be_public: Callable[[], Awaitable[bool]],
) -> None:
    """Update the job in the channel message, under a lock so that no deletion is overwritten."""
    async with shared_deletes.lock_message(watch.owner, f"{watch.channel_id}:{watch.message_ts}"):
        if (card := await _load_card(account, watch, jobs)) and await may_be_public():
            place = watch.channel_id, watch.message_ts
            zone = await notifier.zone_name(watch.owner)
            if watch.shared_by:
                facts = {"card": card, "shared_by": watch.shared_by, "zone": zone}
                await notifier.update(*place, "jobs/share.card", **facts)
            else:
                shown = watch.tenant, watch.job_id
                row = {"job": card.job, "tenant": watch.tenant, "zone": zone}
                await notifier.update_row(*place, shown, "jobs/share.row", **row)


async def _post(
    watch: Watch, outcome: str, at: float, job: Job | None, notifier: Notifier, *, public: bool
) -> None:
    """Post in the thread of the message with the Watch button, or else send a direct message."""
    facts = {
        "outcome": outcome,
        "tenant": watch.tenant,
        "job_id": watch.job_id,
        "job": job,
        "watched": watch.job,
        "seconds": job_duration(job) if job else None,
    }
    name, owner = f"watch:{watch.id}", watch.owner
    if public:
        post = OutgoingMessage(name, owner.team_id, watch.channel_id, at, watch.message_ts)
        if await notifier.post_in_channel(post, "jobs/watch.over", user_id=owner.user_id, **facts):
            return
    await notifier.send_direct(f"{name}:direct", owner, at, "jobs/watch.over", user_id="", **facts)
