"""Digests that are due: found once a second, and posted once each, whatever becomes of a worker."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Protocol

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
from bot.models import Account, Caller, Digest, Slot
from bot.services.accounts import connection
from bot.services.digests import course
from bot.services.digests.digests import Digests
from bot.services.digests.report import Report, Reports
from bot.slack.digest_channels import DigestChannels
from bot.slack.digest_pictures import DigestPictures
from bot.slack.digest_posts import DigestPosts
from bot.slack.failures import described
from bot.slack.once import OutcomeUnknown
from bot.slack.refusals import TROUBLE, limited

LOOK_SECONDS = 1.0
MOST_AT_ONCE = 200

CHECK_SECONDS = 20 * 60 * 60.0
"""Once a day is looked whether channel and owner are still there."""

UNCHECKED_SECONDS = 3 * 24 * 60 * 60.0
"""So long it goes without, where Slack asks for a pause."""

BROKEN = (NotConnected, Unauthorized, Forbidden, MissingScope)
SHORTEST_PAUSE, LONGEST_PAUSE = 5.0, 600.0  # seconds

Course = Callable[[Digest, Slot, float], Digest]
"""What a run makes of a digest."""


class LoadsAccounts(Protocol):
    """Whose connection a digest runs on."""

    async def of(self, caller: Caller) -> Account: ...


@every(LOOK_SECONDS)
async def find_due(digests: Digests, queue: Queues) -> None:
    while found := await digests.claim_due(MOST_AT_ONCE):
        for digest_id in found:
            await queue.put("digests.post", digest_id, digest_id=digest_id)


@task("digests.post")
async def post(
    digest_id: str,
    now: float,
    errand: Errand,
    queue: Queues,
    digests: Digests,
    accounts: LoadsAccounts,
    reports: Reports,
    digest_channels: DigestChannels,
    digest_posts: DigestPosts,
    digest_pictures: DigestPictures,
) -> None:
    digest = await digests.load(digest_id)
    slot = digest.next if digest else None
    if digest is None or slot is None or slot.at > now:
        return  # deleted, paused, changed, or done by another worker
    pictures = Pictures(digest_pictures, queue)
    run = Run(slot, now, digests, accounts, reports, digest_channels, digest_posts, pictures)
    errand.owner, errand.about = digest.owner, f"the digest “{digest.name}”"
    errand.otherwise = partial(run.settle, digest, course.given_up)
    await run.of(digest)


@dataclass(frozen=True, slots=True)
class Pictures:
    """What follows a digest, where there is time for it."""

    pictures: DigestPictures
    queue: Queues

    async def ask(self, digest: Digest, slot: Slot, ts: str) -> None:
        """Let a task of its own draw it."""
        upload_at = await self.pictures.reserve(digest.owner.team_id)
        if upload_at is None:
            return
        await self.queue.put(
            "digest_pictures.post",
            f"{digest.id}:{slot.on}",
            digest_id=digest.id,
            on=slot.on,
            slot_at=slot.at,
            channel_id=digest.channel_id,
            ts=ts,
            upload_at=upload_at,
        )


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a digest, for `slot`."""

    slot: Slot
    now: float
    digests: Digests
    accounts: LoadsAccounts
    reports: Reports
    channels: DigestChannels
    posts: DigestPosts
    pictures: Pictures

    async def of(self, digest: Digest) -> None:
        """Post it, or do what is to be done in its place; raises Later where neither can be."""
        if course.is_too_late(self.slot, self.now):
            is_posted = await self.posts.is_posted(digest, self.slot)
            await self.settle(digest, course.posted if is_posted else course.missed)
            return
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
            await self.posts.tell_owner(digest, self.slot, "unknown")
            await self.settle(digest, course.posted)

    async def settle(self, digest: Digest, what: Course) -> Digest | None:
        """Write down what came of it; None where it was deleted meanwhile."""
        return await self.digests.settle(
            digest.id, lambda current: what(current, self.slot, self.now)
        )

    async def _post(self, digest: Digest) -> None:
        await self._check(digest)
        report = await self._report(digest)
        may_be_silent = not digest.even_when_quiet and not course.is_asked(self.slot)
        if report.is_quiet and may_be_silent:
            await self.settle(digest, course.was_quiet)
            return
        ts = await self.posts.post(digest, self.slot, report, self.now)
        await self.settle(digest, course.posted)
        if ts and digest.picture and not report.is_quiet:
            await self.pictures.ask(digest, self.slot, ts)

    async def _check(self, digest: Digest) -> None:
        """Raises DigestRefused where channel or owner are gone, or others read the channel now."""
        if self.now - digest.checked_at < CHECK_SECONDS:
            return
        try:
            await self.channels.check(digest)
        except TROUBLE as error:
            seconds = limited(error)
            if seconds is None or self.now - digest.checked_at > UNCHECKED_SECONDS:
                raise Later(
                    seconds or _pause_seconds(self.slot, self.now), described(error)
                ) from error
            return
        await self.settle(digest, course.checked)

    async def _report(self, digest: Digest) -> Report:
        account = await self.accounts.of(digest.owner)
        held = connection(account, digest.tenant)
        return await self.reports.read(held, digest.filters, course.window(digest, self.slot))

    async def _strike(self, digest: Digest) -> None:
        """The owner hears of it the first time; the channel when it was the last, or had asked."""
        if not digest.strikes:
            await self.posts.tell_owner(digest, self.slot, "connection")
        after = await self.settle(digest, course.struck)
        if after and (after.paused or course.is_asked(self.slot)):
            pauses = bool(after.paused)
            await self.posts.tell_channel(digest, self.slot, "connection", pauses=pauses)

    async def _pause(self, digest: Digest, reason: str) -> None:
        if reason == "owner_gone":
            await self.posts.tell_channel(digest, self.slot, reason, pauses=True)
        else:
            await self.posts.tell_owner(digest, self.slot, reason)
        await self.settle(digest, lambda current, _, now: course.paused(current, reason, now))


def _pause_seconds(slot: Slot, now: float) -> float:
    """The longer something is due already, the longer until the next try."""
    return min(max(SHORTEST_PAUSE, (now - slot.at) / 2), LONGEST_PAUSE)
