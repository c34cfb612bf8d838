"""Changes the state of alerts and of their messages: posted, paused, claimed, resolved."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, replace
from itertools import chain

from bot.domain.accounts import PolledConnection
from bot.domain.agents import AgentPause
from bot.domain.alerts import Alert, AlertRow, ChangeBatch, PendingMention, PostedAlert
from bot.domain.conditions import ConditionReport
from bot.domain.jobs import AgentCount, Recovery, add_recoveries, without_failed
from bot.domain.responses import (
    RESPONSE_TTL_SECONDS,
    AlertResponses,
    MessageResponse,
    ResponseEvent,
    Snooze,
)
from bot.domain.times import Clock
from bot.errors import Busy, OutdatedButton
from bot.services.alerts.grouping import NO_RESPONSES, open_since, snoozed_until, without_snoozed
from bot.services.alerts.mentions import MAX_PENDING_MENTIONS, without_mention
from bot.services.concurrency import gather_all
from bot.services.similarity import agent_counts
from bot.store.alerts import AlertStore

OWNER_CHECK_INTERVAL_SECONDS = 20 * 60 * 60.0

MAX_ALERT_SAVE_ATTEMPTS = 10
"""Attempts to save an alert that users or workers change at the same time."""


class AlertLifecycle:
    """Changes alerts and retries after concurrent changes. Methods raise StoreUnavailable."""

    def __init__(self, store: AlertStore, clock: Clock) -> None:
        self._store, self._clock = store, clock

    async def list_running(self, source: PolledConnection) -> list[Alert]:
        """The alerts of a connection that are not paused."""
        return [alert for alert in await self._store.of_connection(source) if not alert.paused]

    async def mark_posted(
        self,
        alert: Alert,
        posts: tuple[PostedAlert, ...],
        mentions: tuple[PendingMention, ...] = (),
        responses: AlertResponses = NO_RESPONSES,
    ) -> bool:
        """Save that the batch was posted, with its messages and the mentions that follow.

        `responses` say how long the messages are kept. Returns False if it could not be saved.
        """
        number = alert.batch.number if alert.batch else 0
        posts_ttl = responses.ttl_seconds(self._clock())
        for _ in range(MAX_ALERT_SAVE_ATTEMPTS):
            now = await self._store.load(alert.id)
            if now is None or now.batch is None or now.batch.number != number:
                return True
            pending = (*now.pending, *mentions)[-MAX_PENDING_MENTIONS:]
            after = replace(now, batch=None, pending=pending)
            if await self._store.save(after, now, posts, posts_ttl=posts_ttl):
                return True
        return False

    async def mark_reported(self, alert_id: str, number: int, ts: str) -> None:
        """Save that a report about the alert's condition was posted in the message `ts`."""
        await self.update(
            alert_id, lambda one: replace(one, progress=one.progress.after_posting(number, ts))
        )

    async def drop_ended(
        self, alert_id: str, number: int, ended: Set[str]
    ) -> ConditionReport | None:
        """Drop jobs that ended before they were posted; returns the report, None if it is empty."""
        alert = await self.update(alert_id, lambda one: one.without_ended(number, ended))
        reports = alert.progress.reports if alert else ()
        return next((report for report in reports if report.number == number), None)

    async def mark_mentioned(
        self, alert: Alert, mention: PendingMention, *, is_posted: bool
    ) -> None:
        """Save that a mention was posted or dropped; a reminder may follow it."""
        now = self._clock()
        await self.update(alert.id, lambda one: without_mention(one, mention, is_posted, now))

    async def pause(self, alert_id: str, reason: str) -> Alert | None:
        """Pause an alert until a user resumes it; a worker posts the reason to its channel.

        Returns its new state, or None if it is off. If it is paused already, its reason is kept.
        """
        now = self._clock()

        def paused(alert: Alert) -> Alert:
            if alert.paused:
                return alert
            return replace(alert, paused=reason, paused_at=now, notices=0)

        return await self.update(alert_id, paused, poll_at=now)

    async def pause_all(self, source: PolledConnection, reason: str) -> list[Alert]:
        """Pause the alerts of a connection; returns those that were running."""
        running = await self.list_running(source)
        for alert in running:
            await self.pause(alert.id, reason)
        return running

    async def paused_together_with(self, alert: Alert) -> list[Alert]:
        """The alerts that were paused together with this one, including itself."""
        pause = alert.paused, alert.paused_at
        existing = await self._store.of_connection(alert.connection)
        return [one for one in existing if (one.paused, one.paused_at) == pause]

    async def record_notice(self, alert: Alert) -> None:
        """Count a posted notice about the pause."""

        def counted(now: Alert) -> Alert:
            same = (now.paused_at, now.notices) == (alert.paused_at, alert.notices)
            return replace(now, notices=now.notices + 1) if same else now

        await self.update(alert.id, counted)

    async def check_owner(self, alert: Alert, is_gone: Callable[[str], Awaitable[bool]]) -> bool:
        """Whether the owner is still in Slack; checked once a day."""
        now = self._clock()
        if now - alert.checked_at < OWNER_CHECK_INTERVAL_SECONDS:
            return True
        if await is_gone(alert.owner.user_id):
            return False
        await self.update(alert.id, lambda one: replace(one, checked_at=now))
        return True

    async def update(
        self,
        alert_id: str,
        how: Callable[[Alert], Alert],
        *,
        poll_at: float | None = None,
        starts: bool = False,
    ) -> Alert | None:
        """Change an alert and poll it by `poll_at`; returns None only if it is off.

        Raises Busy if another change came first in every attempt.
        """
        for _ in range(MAX_ALERT_SAVE_ATTEMPTS):
            alert = await self._store.load(alert_id)
            if alert is None:
                return None
            if saved := await self._store.save(how(alert), alert, poll_at=poll_at, starts=starts):
                return saved
        raise Busy

    async def delete(self, alert_id: str) -> Alert | None:
        """Turn an alert off; returns its last state, None if it was off. May raise Busy."""
        for _ in range(MAX_ALERT_SAVE_ATTEMPTS):
            alert = await self._store.load(alert_id)
            if alert is None or await self._store.delete(alert):
                return alert
        raise Busy


MAX_SHOWN_PAUSES = 5
"""The paused agents that a message shows; /emporix agents lists them all."""


@dataclass(frozen=True, slots=True)
class Responded:
    """The response to a message after a user's click, and whether the click changed it."""

    response: MessageResponse
    is_changed: bool


@dataclass(frozen=True, slots=True)
class UnclaimedFailures:
    """A message about failures that no one has claimed, unclaimed since `at`.

    `count` is the number of failed jobs, and `agents` are those that are known by agent. Both leave
    out snoozed failures, unless all are snoozed: then `snoozed_until` is when the first snooze
    ends, else 0.
    """

    alert: Alert
    ts: str
    at: float
    count: int
    agents: tuple[AgentCount, ...]
    snoozed_until: float = 0.0


class AlertResponder:
    """Changes the team's responses to alerts' messages. Methods raise StoreUnavailable."""

    def __init__(self, store: AlertStore, clock: Clock) -> None:
        self._alerts, self._store, self._clock = store, store.responses, clock

    async def load(self, alert_id: str) -> AlertResponses:
        """The responses to the messages of an alert."""
        (found,) = await self._store.load(alert_id)
        return found

    async def respond(self, alert: Alert, ts: str, event: ResponseEvent, user_id: str) -> Responded:
        """Claim, resolve or reopen a message; a worker then shows the change in Slack.

        If two people claim it at once, one of them becomes its owner. Raises OutdatedButton if the
        message is too old, and may raise Busy.
        """
        now = self._clock()

        def changed(responses: AlertResponses) -> AlertResponses:
            response = responses.of(ts)
            if now - max(_posted_at(ts), response.in_use_until) >= RESPONSE_TTL_SECONDS:
                raise OutdatedButton("/emporix alerts open")
            return _with(responses, response.after(event, user_id, now), now)

        before, after = await self._store.update(alert.id, now, changed)
        return Responded(after.of(ts), is_changed=before != after)

    async def reopen(
        self, alert: Alert, posts: Iterable[PostedAlert], batch: int, at: float
    ) -> AlertResponses:
        """Reopen those of these messages that are resolved, because of a batch's new failures.

        Agents that failed after they had recovered no longer count as recovered.
        """
        now, reopened = self._clock(), tuple(posts)

        def changed(responses: AlertResponses) -> AlertResponses:
            for post in reopened:
                response = responses.of(post.ts).after("failure", "", at, batch)
                left = without_failed(response.recoveries, post.failed)
                responses = _with(responses, response.with_recoveries(left), now)
            return responses

        return (await self._store.update(alert.id, now, changed))[1]

    async def snooze(self, alert: Alert, ts: str, job_id: str, until: float, by: str) -> Responded:
        """Stop reporting failures like the one that a message shows, until a time.

        A worker then posts how many occurred meanwhile. Raises OutdatedButton if the message is
        too old, and may raise Busy.
        """
        rows = {row.job_id: row for row in await self._rows(alert, ts) if row.fingerprint}
        if job_id not in rows:
            raise OutdatedButton("/emporix alerts list")
        now, row = self._clock(), rows[job_id]
        agents = tuple(agent for agent in row.agents if agent)
        snooze = Snooze(row.fingerprint, until, by, now, agents)
        return await self._change(alert.id, ts, lambda response: response.with_snooze(snooze))

    async def _rows(self, alert: Alert, ts: str) -> Sequence[AlertRow]:
        posts = await self._alerts.load_posts(alert.id)
        return [row for post in posts if post.ts == ts for row in post.rows]

    async def show_pause(self, alert_id: str, ts: str, pause: AgentPause) -> None:
        """Show the state of an agent's pause in the message in which a user paused the agent."""

        def shown(response: MessageResponse) -> MessageResponse:
            others = [one for one in response.pauses if one.id != pause.id]
            pauses = (*others, pause)[-MAX_SHOWN_PAUSES:]
            return (
                response
                if pause in response.pauses
                else replace(response.after_edit(), pauses=pauses)
            )

        await self._change(alert_id, ts, shown)

    async def end_snoozes(self, alert: Alert, ts: str) -> Responded:
        """End the snoozes of a message now. May raise Busy."""
        now = self._clock()
        return await self._change(alert.id, ts, lambda one: one.after_ending_snoozes(now))

    async def count_snoozed(self, alert: Alert, batch: ChangeBatch) -> AlertResponses:
        """Count a batch's failures that snoozes hold back, once; returns the responses after it."""
        now = self._clock()

        def counted(responses: AlertResponses) -> AlertResponses:
            for ts, held in without_snoozed(batch, responses)[1].items():
                response = responses.of(ts).after_counting(held, batch.number)
                responses = _with(responses, response, now)
            return responses

        return (await self._store.update(alert.id, now, counted))[1]

    async def mark_reported(self, alert_id: str, ts: str, snooze: Snooze) -> None:
        """Save that the thread says how many failures occurred during a snooze."""
        await self._change(alert_id, ts, lambda one: one.after_reporting(snooze))

    async def mark_shown(self, alert_id: str, shown: MessageResponse) -> None:
        """Save that Slack shows a response as it was in `shown`."""
        await self._change(alert_id, shown.ts, lambda one: one.after_showing(shown))

    async def add_recoveries(self, alert_id: str, ts: str, recoveries: Sequence[Recovery]) -> None:
        """Add recoveries to a message that are new; a worker then shows them in Slack."""
        await self._change(
            alert_id,
            ts,
            lambda one: one.with_recoveries(add_recoveries(one.recoveries, recoveries)),
        )

    async def mark_edited(self, alert_id: str, ts: str) -> None:
        """Let a worker show the state of a message again, after another edit of the message."""
        await self._change(
            alert_id,
            ts,
            lambda one: one.after_edit() if one.steps or one.snoozes or one.recoveries else one,
        )

    async def _change(
        self, alert_id: str, ts: str, how: Callable[[MessageResponse], MessageResponse]
    ) -> Responded:
        now = self._clock()

        def changed(responses: AlertResponses) -> AlertResponses:
            return _with(responses, how(responses.of(ts)), now)

        before, after = await self._store.update(alert_id, now, changed)
        return Responded(after.of(ts), is_changed=before != after)

    async def give_up(self, alert_id: str) -> None:
        """Stop trying to show an alert's responses, because Slack permanently fails."""
        for response in (await self.load(alert_id)).messages:
            await self.mark_shown(alert_id, response)
            for snooze in response.snoozes_to_report(self._clock()):
                await self.mark_reported(alert_id, response.ts, snooze)

    async def unclaimed_in(
        self, team_id: str, channel_id: str, tenant: str
    ) -> tuple[UnclaimedFailures, ...]:
        """The messages in a channel about a tenant's failures that no one has claimed."""
        alerts = await self._alerts.of_channel(team_id, channel_id)
        return await self.unclaimed([alert for alert in alerts if alert.tenant == tenant])

    async def unclaimed(self, alerts: Sequence[Alert]) -> tuple[UnclaimedFailures, ...]:
        """As `unclaimed_or_snoozed`, without the messages whose failures are all snoozed."""
        found = await self.unclaimed_or_snoozed(alerts)
        return tuple(one for one in found if not one.snoozed_until)

    async def unclaimed_or_snoozed(self, alerts: Sequence[Alert]) -> tuple[UnclaimedFailures, ...]:
        """The messages of the last week whose failures no one has claimed, newest first."""
        posts, responses = await gather_all(
            self._alerts.posts_of(alerts), self._store.load(*(alert.id for alert in alerts))
        )
        now = self._clock()
        found = chain.from_iterable(
            _unclaimed(*one, now) for one in zip(alerts, posts, responses, strict=True)
        )
        return tuple(sorted(found, key=lambda one: one.at, reverse=True))


def _with(responses: AlertResponses, response: MessageResponse, now: float) -> AlertResponses:
    """The responses with this one, or unchanged if they contain it."""
    known = responses.of(response.ts)
    return responses if known == response else responses.with_response(response, now)


def _posted_at(ts: str) -> float:
    """When a message was posted, in seconds since 1970: Slack's timestamps are times."""
    try:
        return float(ts)
    except ValueError:
        return 0.0


def _unclaimed(
    alert: Alert, posts: Iterable[PostedAlert], responses: AlertResponses, now: float
) -> Iterator[UnclaimedFailures]:
    for post in posts:
        response = responses.of(post.ts)
        is_recent = now - max(post.at, response.in_use_until) < RESPONSE_TTL_SECONDS
        is_open = response.state == "open" and is_recent
        if is_open and post.has_failures and post.can_be_claimed:
            failed = [row for row in post.rows if row.fingerprint]
            ends = [snoozed_until(responses, row.fingerprint, now) for row in failed]
            rows = [row for row, end in zip(failed, ends, strict=True) if not end] or failed
            agents = sum((Counter(row.agents) for row in rows), Counter[str]())
            more = post.more if len(rows) == len(post.rows) else 0
            yield UnclaimedFailures(
                alert,
                post.ts,
                open_since(post, response, now),
                agents.total() + (more or 0),
                agent_counts(agents),
                min(ends),
            )
