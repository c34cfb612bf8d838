"""Posts due digests once each, and prepares their charts in advance."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial

from slack_sdk.errors import SlackApiError

from bot.domain.accounts import OWNER_GONE, Caller, Connection, require_connection
from bot.domain.audit import AuditEvent
from bot.domain.digests import Digest, ScheduledRun
from bot.errors import (
    DigestRefused,
    EmporixError,
    InvalidInput,
    InvalidRequest,
    MissingScope,
    NotConnected,
    RetryLater,
    StoreUnavailable,
)
from bot.metrics import PAUSED, POST_LATENESS_SECONDS
from bot.scheduler.tasks import TaskContext, TaskQueue, periodic, task
from bot.services.accounts import CONNECTION_ERRORS
from bot.services.alerts.lifecycle import OWNER_CHECK_INTERVAL_SECONDS, AlertResponder
from bot.services.departures import Departures
from bot.services.digests import lifecycle
from bot.services.digests.digests import DigestService
from bot.services.digests.history import DailyHistory, History
from bot.services.digests.report import DigestReports, Report
from bot.slack.conversations import DigestChannels, pause_reason
from bot.slack.errors import error_code
from bot.slack.posting.digests import DigestPoster
from bot.slack.posting.notifier import Notifier
from bot.slack.posting.post_once import OutcomeUnknown
from bot.store.accounts import AccountStore
from bot.store.audit import AuditLog
from bot.store.digests import DigestStore
from bot.store.locks import WorkerLeases

logger = logging.getLogger(__name__)

CHART_PERIOD_SECONDS = 60.0
CHART_AHEAD_SECONDS = 2 * 60 * 60.0
MAX_PREPARED_CHARTS = 1_000
"""Equals the maximum number of digests in a workspace."""

CHARTS_TIMEOUT_SECONDS = 20.0
"""Time limit of a run; the next run continues with the remaining digests."""

MAX_CONCURRENT_CHARTS = 4
CHART_TIMEOUT_SECONDS = 5.0
"""Time limit for a chart; then the next one is prepared while counting for this one continues."""

CHART_REFRESH_SECONDS = 15 * 60.0
"""Charts are prepared again after this time: another day may have ended or become countable."""


@periodic(CHART_PERIOD_SECONDS)
async def queue_chart_preparation(worker_leases: WorkerLeases, queue: TaskQueue) -> None:
    if await worker_leases.acquire("digest_charts", CHART_PERIOD_SECONDS):
        await queue.put("digests.prepare_charts", "all")


@task
async def prepare_charts(
    now: float,
    digest_store: DigestStore,
    account_store: AccountStore,
    daily_history: DailyHistory,
    worker_leases: WorkerLeases,
) -> None:
    due = await digest_store.due_between(now, now + CHART_AHEAD_SECONDS, MAX_PREPARED_CHARTS)
    waiting = round_robin(digest for digest in due if digest.chart and not digest.paused)

    async def prepare_some() -> None:
        for digest in waiting:
            if await worker_leases.acquire(f"digest_chart:{digest.id}", CHART_REFRESH_SECONDS):
                await _prepare_chart(digest, now, account_store, daily_history)

    try:
        async with asyncio.timeout(CHARTS_TIMEOUT_SECONDS):
            await asyncio.gather(*(prepare_some() for _ in range(MAX_CONCURRENT_CHARTS)))
    except TimeoutError:
        logger.info(
            "%d charts will be prepared later: the time limit is reached", len(list(waiting))
        )


def round_robin(digests: Iterable[Digest]) -> Iterator[Digest]:
    """Order digests by due time, taking one from each owner in turn."""
    seen: Counter[Caller] = Counter()
    placed: list[tuple[int, Digest]] = []
    for digest in sorted(digests, key=lambda one: one.due_at or 0):
        placed.append((seen[digest.owner], digest))
        seen[digest.owner] += 1
    return (digest for _, digest in sorted(placed, key=lambda one: one[0]))


async def _prepare_chart(
    digest: Digest, now: float, accounts: AccountStore, daily_history: DailyHistory
) -> None:
    """Prepare the chart of a digest through its owner's connection."""
    try:
        connection = require_connection(await accounts.load(digest.owner), digest.tenant)
        async with asyncio.timeout(CHART_TIMEOUT_SECONDS):
            await daily_history.prepare(connection, digest.filters, digest.schedule.zone, now)
    except (NotConnected, StoreUnavailable) as error:
        logger.info("could not prepare the chart of digest %s: %s", digest.id, error.template)
    except TimeoutError:
        logger.info("the chart of digest %s is not ready yet: counting is slow", digest.id)


QUEUE_INTERVAL_SECONDS = 1.0
MAX_DUE = 200

READ_AHEAD_SECONDS = 9 * 60.0
"""Channels of digests due within this time are read in advance; shorter than the cache lifetime."""

UNREADABLE_RETRY_SECONDS = 60 * 60.0
"""After this time, a worker tries again to decrypt a digest."""

READ_INTERVAL_SECONDS, MAX_READ_AHEAD = 2.0, 400
LATE_WARNING_SECONDS = 60 * 60.0
"""A run postponed for longer than this is logged as a warning."""

MISSED_RUNS_BEFORE_MESSAGE = 2
"""Number of consecutive missed runs after which the owner gets a message."""

DIGEST_CONNECTION_ERRORS = (*CONNECTION_ERRORS, MissingScope)
MIN_RETRY_SECONDS, MAX_RETRY_SECONDS = 5.0, 600.0

Transition = Callable[[Digest, ScheduledRun, float], Digest]
"""A function that returns a digest's state after a run."""


@periodic(QUEUE_INTERVAL_SECONDS)
async def queue_due_digests(now: float, digest_store: DigestStore, queue: TaskQueue) -> None:
    while found := await digest_store.claim_due(now, MAX_DUE):
        for due in found:  # the key identifies the run, so a waiting run doesn't block others
            key = f"{due.digest_id}:{due.due_key}"
            await queue.put("digests.post", key, digest_id=due.digest_id)


@periodic(READ_INTERVAL_SECONDS)
async def read_channels(
    now: float, digest_store: DigestStore, notifier: Notifier, worker_leases: WorkerLeases
) -> None:
    """Read the audiences of upcoming digests, as fast as Slack's rate limits allow."""
    if not await worker_leases.acquire("read_channels", READ_INTERVAL_SECONDS):
        return
    due = await digest_store.due_between(now, now + READ_AHEAD_SECONDS, MAX_READ_AHEAD)
    await notifier.read_ahead([digest.channel_id for digest in due])


@task
async def post(
    digest_id: str,
    now: float,
    context: TaskContext,
    digest_store: DigestStore,
    digests: DigestService,
    account_store: AccountStore,
    digest_reports: DigestReports,
    daily_history: DailyHistory,
    digest_channels: DigestChannels,
    digest_poster: DigestPoster,
    notifier: Notifier,
    alert_responder: AlertResponder,
    departures: Departures,
    audit: AuditLog,
) -> None:
    if (digest := await _loaded(digest_id, now, digest_store)) is None:
        return
    context.owner, context.subject = digest.owner, f"the digest “{digest.name}”, which was left out"
    if 0 < digest.notice_at <= now:
        await _post_pause_notice(digest, digests, digest_poster)
    if (slot := digest.next_run) is None or slot.at > now:
        return  # paused, changed, or done by another worker
    run = DigestRun(
        digest,
        slot,
        now,
        digests,
        account_store,
        digest_reports,
        daily_history,
        digest_channels,
        digest_poster,
        notifier,
        alert_responder,
        departures,
        audit,
    )
    context.on_give_up = partial(run.save_state, lifecycle.skip_run)
    await run.handle()


async def _loaded(digest_id: str, now: float, digest_store: DigestStore) -> Digest | None:
    digest = await digest_store.load(digest_id)
    if digest is None and await digest_store.due.schedule(
        digest_id, now + UNREADABLE_RETRY_SECONDS
    ):
        logger.warning("digest %s cannot be decrypted and is tried again in an hour", digest_id)
    return digest


async def _post_pause_notice(
    digest: Digest, digests: DigestService, digest_poster: DigestPoster
) -> None:
    """Post the next pause notice to the channel of a digest."""
    notice = digest.notices + 1
    await digest_poster.post_pause_notice(digest, notice)
    await digests.update(digest, lambda current: lifecycle.record_notice(current, notice))


@dataclass(slots=True)
class DigestRun:
    """Handles the scheduled run `run` of a digest; `digest` is its state as last read or saved."""

    digest: Digest
    run: ScheduledRun
    now: float
    digests: DigestService
    accounts: AccountStore
    reports: DigestReports
    daily_history: DailyHistory
    channels: DigestChannels
    posts: DigestPoster
    notifier: Notifier
    responder: AlertResponder
    departures: Departures
    audit: AuditLog

    async def handle(self) -> None:
        """Post or pause the digest, or count a missed run; raises RetryLater to try again."""
        if lifecycle.is_too_late(self.run, self.now):
            is_posted = await self.posts.is_posted(self.digest, self.run)
            await (self.save_state(lifecycle.record_post) if is_posted else self._miss())
            return
        try:
            await self._attempt()
        except RetryLater as later:
            if self.now - self.run.at > LATE_WARNING_SECONDS:
                minutes = (self.now - self.run.at) / 60
                logger.warning(
                    "digest %s is %.0f min late: %s", self.digest.id, minutes, later.reason
                )
            raise

    async def save_state(self, what: Transition) -> None:
        """Save the digest's new state, unless it was deleted in the meantime."""
        changed = await self.digests.update(
            self.digest, lambda current: what(current, self.run, self.now)
        )
        if changed is None:
            return
        self.digest = changed.digest
        if changed.digest.paused and not changed.before.paused:
            await self._note_paused(changed.digest.paused)

    async def _note_paused(self, reason: str) -> None:
        PAUSED.count("digest")
        await self.audit.try_record_for_app(
            AuditEvent.DIGEST_PAUSED,
            self.digest.owner,
            reason,
            tenant=self.digest.tenant,
            channel_id=self.digest.channel_id,
            subject=self.digest.name,
        )

    async def _attempt(self) -> None:
        try:
            await self._post()
        except DIGEST_CONNECTION_ERRORS:
            await self._count_failure()
        except DigestRefused as refused:
            await self._pause(refused.reason)
        except (InvalidRequest, InvalidInput):
            await self._pause("filters")
        except EmporixError as error:
            raise RetryLater(_retry_seconds(self.run, self.now), str(error)) from error
        except OutcomeUnknown:
            await self.posts.notify_owner(self.digest, self.run, "unknown")
            await self.save_state(lifecycle.record_post)

    async def _post(self) -> None:
        began = time.monotonic()
        await self._check()
        report = await self._report()
        is_asked = lifecycle.is_requested(self.run) or self.digest.requested_at >= self.run.at
        if report.is_quiet and not self.digest.post_when_empty and not is_asked:
            await self.save_state(lifecycle.was_quiet)
            return
        history = None if report.is_quiet or not self.digest.chart else await self._history()
        team_id, channel_id = self.digest.owner.team_id, self.digest.channel_id
        unclaimed = await self.responder.unclaimed_in(team_id, channel_id, report.tenant)
        await self.posts.post(self.digest, self.run, report, history, unclaimed, self.now)
        lateness = self.now - self.run.at + time.monotonic() - began
        POST_LATENESS_SECONDS.observe(lateness, "digest")
        await self.save_state(lifecycle.record_post)

    async def _check(self) -> None:
        """Check the channel's readers and the owner; raises DigestRefused."""
        try:
            self.channels.admit(await self.notifier.audience(self.digest.channel_id))
            if self.now - self.digest.checked_at < OWNER_CHECK_INTERVAL_SECONDS:
                return
            if await self.notifier.has_left(self.digest.owner.user_id):
                await self.departures.remove_user(self.digest.owner)
                await self._note_paused(OWNER_GONE)
                raise DigestRefused(OWNER_GONE, self.digest.channel_id)
        except SlackApiError as error:  # temporary errors raise RetryLater instead
            raise DigestRefused(pause_reason(error_code(error)), self.digest.channel_id) from error
        await self.save_state(lifecycle.record_check)

    async def _report(self) -> Report:
        window = lifecycle.report_window(self.digest, self.run)
        return await self.reports.read(await self._connection(), self.digest.filters, window)

    async def _history(self) -> History:
        """Return the counts for days before this run, as far as available within two seconds."""
        connection, zone = await self._connection(), self.digest.schedule.zone
        return await self.daily_history.read(connection, self.digest.filters, zone, self.run.at)

    async def _connection(self) -> Connection:
        """Return the owner's connection; raises NotConnected."""
        return require_connection(await self.accounts.load(self.digest.owner), self.digest.tenant)

    async def _miss(self) -> None:
        """Count a missed run; notify the owner if it was requested or is the second in a row."""
        logger.warning("digest %s was not posted in time: run %s", self.digest.id, self.run.date)
        after = lifecycle.miss_run(self.digest, self.run, self.now)
        if (
            lifecycle.is_requested(self.run)
            or self.digest.missed_runs < MISSED_RUNS_BEFORE_MESSAGE <= after.missed_runs
        ):
            await self.posts.notify_owner(self.digest, self.run, "missed")
        await self.save_state(lifecycle.miss_run)

    async def _count_failure(self) -> None:
        """Count a failure; notify the owner of the first one, and of any in a requested run."""
        if not self.digest.failed_dates or lifecycle.is_requested(self.run):
            await self.posts.notify_owner(self.digest, self.run, "connection")
        await self.save_state(lifecycle.record_failure)

    async def _pause(self, reason: str) -> None:
        """Pause the digest and notify the owner; the channel gets a separate notice."""
        logger.warning("digest %s is paused: %s", self.digest.id, reason)
        if reason != OWNER_GONE:
            await self.posts.notify_owner(self.digest, self.run, reason)
        await self.save_state(lambda one, _, now: lifecycle.pause(one, reason, now))


def _retry_seconds(slot: ScheduledRun, now: float) -> float:
    """Half the time since the run was due, within limits."""
    return min(max(MIN_RETRY_SECONDS, (now - slot.at) / 2), MAX_RETRY_SECONDS)
