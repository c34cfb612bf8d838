"""Posts the messages of digests to the channel, its thread and the owner, each once."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import partial
from typing import Any

from slack_sdk.errors import SlackApiError, SlackClientError

from bot.domain.digests import Digest, ScheduledRun
from bot.errors import DigestRefused
from bot.rendering.blockkit.rules import has_chart, without_chart
from bot.rendering.renderer import Renderer
from bot.services.alerts.lifecycle import UnclaimedFailures
from bot.services.digests import lifecycle
from bot.services.digests.history import History
from bot.services.digests.report import Report
from bot.slack.conversations import DigestChannels, pause_reason
from bot.slack.errors import INVALID_BLOCKS, error_code, error_name
from bot.slack.posting.notifier import Notifier
from bot.slack.posting.post_once import (
    IdempotentPoster,
    OutcomeUnknown,
    OutgoingMessage,
    PostRefused,
)
from bot.store.slack_cache import ChartSupport

logger = logging.getLogger(__name__)

REFUSALS = {
    "channel_not_found": "gone",
    "is_archived": "archived",
    "not_in_channel": "removed",
}


class DigestPoster:
    """Posts digests. Every method may raise RetryLater and StoreUnavailable."""

    def __init__(
        self,
        renderer: Renderer,
        poster: IdempotentPoster,
        channels: DigestChannels,
        notifier: Notifier,
        charts: ChartSupport,
    ) -> None:
        self._renderer, self._poster, self._channels, self._notifier = (
            renderer,
            poster,
            channels,
            notifier,
        )
        self._charts = charts

    async def is_posted(self, digest: Digest, slot: ScheduledRun) -> bool:
        return await self._poster.is_sent(_name(digest, slot))

    async def post(
        self,
        digest: Digest,
        slot: ScheduledRun,
        report: Report,
        history: History | None,
        unclaimed: Sequence[UnclaimedFailures],
        now: float,
    ) -> None:
        """Post the digest with a chart of its history, and its remaining failures in the thread.

        `unclaimed` are the messages of the channel's alerts that no one has claimed. Raises
        DigestRefused if Slack refuses it, or OutcomeUnknown.
        """
        facts: dict[str, Any] = {"digest": digest, "report": report, "skipped": digest.skipped}
        facts["history"], facts["unclaimed"] = history, unclaimed
        facts["late_for"] = slot.at if lifecycle.is_late(slot, now) else None
        post = self._message(digest, slot)
        ts = await self._post_once(digest, post, self._renderer.render("digest/post", **facts))
        if ts and report.thread:
            await self._add_rest(digest, slot, report, ts)

    async def notify_owner(self, digest: Digest, slot: ScheduledRun, reason: str) -> None:
        """Send the owner a direct message, once per run."""
        name, owner = f"{_name(digest, slot)}:owner", digest.owner
        facts = {"digest": digest, "reason": reason}
        await self._notifier.send_direct(name, owner, slot.at, "digest/trouble", **facts)

    async def post_pause_notice(self, digest: Digest, notice: int) -> None:
        """Post notice 1 or 2, each once: it says that the digest is paused and how to resume it.

        If the notice can't be posted to the channel, this is logged.
        """
        name = f"digest:{digest.id}:paused:{digest.paused_at:.0f}:{notice}"
        try:
            await self._admit(digest)
        except (DigestRefused, SlackClientError) as error:
            logger.warning(
                "a channel was not notified that a digest is paused: %s", error_name(error)
            )
            return
        post = OutgoingMessage(name, digest.owner.team_id, digest.channel_id, digest.notice_at)
        await self._notifier.post_in_channel(post, "digest/paused", digest=digest, notice=notice)

    async def _post_once(
        self, digest: Digest, post: OutgoingMessage, message: dict[str, Any]
    ) -> str:
        """Post a message once.

        Joins the channel if needed, and omits the chart if Slack refuses it.
        """
        if has_chart(message) and await self._charts.is_refused(post.team_id):
            message = without_chart(message)
        may_join = not digest.posted_on
        while True:
            try:
                return await self._poster.post(post, message)
            except PostRefused as refused:
                if refused.reason == INVALID_BLOCKS and has_chart(message):
                    logger.warning("Slack refuses charts: they are left out of digests for a day")
                    await self._charts.mark_refused(post.team_id)
                    message = without_chart(message)
                elif refused.reason == "not_in_channel" and may_join:
                    await self._channels.join(post.channel_id)
                    may_join = False
                else:
                    reason = REFUSALS.get(refused.reason) or pause_reason(refused.reason)
                    raise DigestRefused(reason, post.channel_id) from refused

    async def _add_rest(self, digest: Digest, slot: ScheduledRun, report: Report, ts: str) -> None:
        zone = digest.schedule.zone
        message = self._renderer.render("digest/post.rest", report=report, zone=zone)
        await self._try_post(self._message(digest, slot, "rest", ts), message)

    async def _try_post(self, post: OutgoingMessage, message: dict[str, Any]) -> None:
        """Post an optional message: a failure is only logged."""
        try:
            await self._poster.post(post, message)
        except (PostRefused, OutcomeUnknown, DigestRefused) as error:
            logger.warning("%s was not posted: %s", post.key, error)

    def _message(
        self, digest: Digest, slot: ScheduledRun, part: str = "", thread_ts: str = ""
    ) -> OutgoingMessage:
        name = f"{_name(digest, slot)}:{part}" if part else _name(digest, slot)
        admit, team_id = partial(self._admit, digest), digest.owner.team_id
        return OutgoingMessage(name, team_id, digest.channel_id, slot.at, thread_ts, admit)

    async def _admit(self, digest: Digest) -> None:
        """Raises DigestRefused if outsiders read the channel, or its audience is unknown."""
        try:
            self._channels.admit(await self._notifier.audience(digest.channel_id))
        except SlackApiError as error:
            raise DigestRefused(pause_reason(error_code(error)), digest.channel_id) from error


def _name(digest: Digest, slot: ScheduledRun) -> str:
    return f"digest:{digest.id}:{slot.date}"
