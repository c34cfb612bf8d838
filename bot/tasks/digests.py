"""Digests that are due: found once a second, and posted once each, whatever becomes of a worker."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from slack_sdk.errors import SlackApiError

from bot.clockwork.calls import Errand, Later, Queues, every, task
from bot.errors import (
    DigestRefused,
    EmporixError,
    Forbidden,
    InvalidInput,
    InvalidRequest,
    MissingScope,
    NotConnected,
    Unauthorized,
)
from bot.models import Connection, Digest, Slot
from bot.services.accounts import Accounts, connection
from bot.services.departures import Departures
from bot.services.digests import course
from bot.services.digests.digests import Digests
from bot.services.digests.history import Histories, History
from bot.services.digests.report import Report, Reports
from bot.slack.digest_channels import DigestChannels, said_by_slack
from bot.slack.digest_posts import DigestPosts
from bot.slack.once import OutcomeUnknown
from bot.slack.refusals import word
from bot.slack.told_once import ToldOnce
from bot.store.audit import AuditLog
from bot.store.audit_events import AuditEvent
from bot.store.shifts import Shifts

logger = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
MOST_AT_ONCE = 200

CHECK_SECONDS = 20 * 60 * 60.0
"""Once a day a run checks that the owner is still in the workspace."""

AHEAD_SECONDS = 9 * 60.0
"""The channels of digests that are due by then are read, before the cached answers expire."""

READ_SECONDS, MOST_READ = 2.0, 400
LATE_SECONDS = 60 * 60.0
"""A run that is put off for longer than this is a warning in the log."""

MOST_MISSED = 2
"""After so many missed runs in a row their owner gets a message."""

BROKEN = (NotConnected, Unauthorized, Forbidden, MissingScope)
SHORTEST_PAUSE, LONGEST_PAUSE = 5.0, 600.0  # seconds

Course = Callable[[Digest, Slot, float], Digest]
"""What a run makes of a digest."""


@every(LOOK_SECONDS)
async def find_due(digests: Digests, queue: Queues) -> None:
    while found := await digests.claim_due(MOST_AT_ONCE):
        for due in found:  # the key names the run: one that waits does not block another
            key = f"{due.digest_id}:{due.run}"
            await queue.put("digests.post", key, digest_id=due.digest_id)


@every(READ_SECONDS)
async def read_channels(digests: Digests, told_once: ToldOnce, shifts: Shifts) -> None:
    """Know the readers of channels before their digests are due, as fast as Slack allows."""
    if not await shifts.take("read_channels", READ_SECONDS):
        return
    due = await digests.due_within(AHEAD_SECONDS, MOST_READ)
    await told_once.read_ahead([digest.channel_id for digest in due])


@task("digests.post")
async def post(
    digest_id: str,
    now: float,
    errand: Errand,
    digests: Digests,
    accounts: Accounts,
    reports: Reports,
    histories: Histories,
    digest_channels: DigestChannels,
    digest_posts: DigestPosts,
    told_once: ToldOnce,
    departures: Departures,
    audit: AuditLog,
) -> None:
    digest = await digests.load(digest_id)
    if digest is None:
        await digests.set_aside(digest_id)
        return
    errand.owner, errand.about = digest.owner, f"the digest “{digest.name}”, which was left out"
    if 0 < digest.notice_at <= now:
        await tell_paused(digest, digests, digest_posts)
    slot = digest.next
    if slot is None or slot.at > now:
        return  # paused, changed, or done by another worker
    services = Services(
        digests,
        accounts,
        reports,
        histories,
        digest_channels,
        digest_posts,
        told_once,
        departures,
        audit,
    )
    run = Run(slot, now, services)
    errand.otherwise = partial(run.settle, digest, course.given_up)
    await run.of(digest)


async def tell_paused(digest: Digest, digests: Digests, digest_posts: DigestPosts) -> None:
    """The next notice to the channel of a paused digest."""
    notice = digest.notices + 1
    await digest_posts.tell_paused(digest, notice)
    await digests.settle(digest.id, lambda current: course.noticed(current, notice))


@dataclass(frozen=True, slots=True)
class Services:
    """What runs of digests need."""

    digests: Digests
    accounts: Accounts
    reports: Reports
    histories: Histories
    channels: DigestChannels
    posts: DigestPosts
    told: ToldOnce
    departures: Departures
    audit: AuditLog


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a digest, for `slot`."""

    slot: Slot
    now: float
    services: Services

    async def of(self, digest: Digest) -> None:
        """Post it, pause it or count it as missed; raises Later if none of that is possible yet."""
        if course.is_too_late(self.slot, self.now):
            is_posted = await self.services.posts.is_posted(digest, self.slot)
            await (self.settle(digest, course.posted) if is_posted else self._miss(digest))
            return
        try:
            await self._attempt(digest)
        except Later as later:
            if self.now - self.slot.at > LATE_SECONDS:
                minutes = (self.now - self.slot.at) / 60
                logger.warning("digest %s is %.0f min late: %s", digest.id, minutes, later.reason)
            raise

    async def settle(self, digest: Digest, what: Course) -> Digest | None:
        """Write down what came of it; None where it was deleted meanwhile."""
        pauses = False

        def changed(current: Digest) -> Digest:
            nonlocal pauses
            after = what(current, self.slot, self.now)
            pauses = bool(after.paused and not current.paused)
            return after

        after = await self.services.digests.settle(digest.id, changed)
        if after and pauses:
            await self._note_paused(after)
        return after

    async def _note_paused(self, digest: Digest) -> None:
        await self.services.audit.note_by_app(
            AuditEvent.DIGEST_PAUSED,
            digest.owner,
            digest.paused,
            tenant=digest.tenant,
            channel_id=digest.channel_id,
            subject=digest.name,
        )

    async def _attempt(self, digest: Digest) -> None:
        try:
            await self._post(digest)
        except BROKEN:
            await self._strike(digest)
        except DigestRefused as refused:
            await self._pause(digest, refused.reason)
        except (InvalidRequest, InvalidInput):
            await self._pause(digest, "filters")
        except EmporixError as error:
            raise Later(_pause_seconds(self.slot, self.now), str(error)) from error
        except OutcomeUnknown:
            await self.services.posts.tell_owner(digest, self.slot, "unknown")
            await self.settle(digest, course.posted)

    async def _post(self, digest: Digest) -> None:
        await self._check(digest)
        report = await self._report(digest)
        is_asked = course.is_asked(self.slot) or digest.asked >= self.slot.at
        if report.is_quiet and not digest.even_when_quiet and not is_asked:
            await self.settle(digest, course.was_quiet)
            return
        history = None if report.is_quiet or not digest.chart else await self._history(digest)
        await self.services.posts.post(digest, self.slot, report, history, self.now)
        await self.settle(digest, course.posted)

    async def _check(self, digest: Digest) -> None:
        """Raises DigestRefused: Slack refuses, others read the channel, the owner is gone."""
        told = self.services.told
        try:
            self.services.channels.admit(await told.audience(digest.channel_id))
            if self.now - digest.checked_at < CHECK_SECONDS:
                return
            if await told.is_gone(digest.owner.user_id):
                await self.services.departures.remove_user(digest.owner)
                await self._note_paused(replace(digest, paused="owner_gone"))
                raise DigestRefused("owner_gone", digest.channel_id)
        except SlackApiError as error:  # what passes is Later
            raise DigestRefused(said_by_slack(word(error)), digest.channel_id) from error
        await self.settle(digest, course.checked)

    async def _report(self, digest: Digest) -> Report:
        window = course.window(digest, self.slot)
        held = await self._connection(digest)
        return await self.services.reports.read(held, digest.filters, window)

    async def _history(self, digest: Digest) -> History:
        """The days before this run, as far as they are known within two seconds."""
        held, zone = await self._connection(digest), digest.schedule.zone
        return await self.services.histories.read(held, digest.filters, zone, self.slot.at)

    async def _connection(self, digest: Digest) -> Connection:
        """Raises NotConnected."""
        return connection(await self.services.accounts.of(digest.owner), digest.tenant)

    async def _miss(self, digest: Digest) -> None:
        """Too late: the owner hears of a run that was asked for, and of the second in a row."""
        logger.warning("digest %s was not posted in time: run %s", digest.id, self.slot.on)
        after = course.missed(digest, self.slot, self.now)
        if course.is_asked(self.slot) or digest.missed < MOST_MISSED <= after.missed:
            await self.services.posts.tell_owner(digest, self.slot, "missed")
        await self.settle(digest, course.missed)

    async def _strike(self, digest: Digest) -> None:
        """The owner hears of it the first time, and where they asked for this run."""
        if not digest.strikes or course.is_asked(self.slot):
            await self.services.posts.tell_owner(digest, self.slot, "connection")
        await self.settle(digest, course.struck)

    async def _pause(self, digest: Digest, reason: str) -> None:
        """The channel hears of it by its own notice."""
        logger.warning("digest %s is paused: %s", digest.id, reason)
        if reason != "owner_gone":
            await self.services.posts.tell_owner(digest, self.slot, reason)
        await self.settle(digest, lambda one, _, now: course.paused(one, reason, now))


def _pause_seconds(slot: Slot, now: float) -> float:
    """The longer something is due already, the longer until the next try."""
    return min(max(SHORTEST_PAUSE, (now - slot.at) / 2), LONGEST_PAUSE)
