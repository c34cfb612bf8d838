"""Posts the messages of alerts, and updates them: repeats of a failure, the team's responses."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.alerts import Alert, AlertRow, ChangeBatch, PostedAlert
from bot.domain.conditions import ConditionReport
from bot.domain.jobs import FAILED, Job, created_at
from bot.domain.responses import MessageResponse, Snooze
from bot.domain.times import Clock
from bot.rendering.message_rows import with_response_replaced
from bot.rendering.renderer import Renderer
from bot.services.alerts.grouping import MAX_ALERT_ROWS, AlertPlan, Repeats
from bot.services.alerts.lifecycle import AlertResponder
from bot.services.alerts.poll import LAST_CHANGED_FIRST, MAX_MISSED_SECONDS
from bot.services.filters.parser import to_compact
from bot.services.pagination import short_hash
from bot.services.similarity import agent_counts, agent_label, group_failures
from bot.slack.errors import SLACK_ERRORS, describe
from bot.slack.posting.notifier import Notifier
from bot.slack.posting.post_once import (
    Admit,
    IdempotentPoster,
    OutcomeUnknown,
    OutgoingMessage,
)
from bot.store.idempotency import Deletions

logger = logging.getLogger(__name__)

MAX_THREAD_ROWS = 20
"""The number of rows per message in a thread."""

Jobs = Mapping[str, Job]
"""Current jobs by id; deleted ones are missing."""


MAX_STATE_UPDATES = 5

Message = Mapping[str, Any]


class AlertMessages:
    """Updates the messages of alerts, so that they show the state that is stored in Redis.

    Updates wait for each other, also for those of a deleted job. After each one, the state is read
    again: if it has changed meanwhile, the message is updated again. So the last update shows the
    last state, even if a process was suspended before it.
    """

    def __init__(
        self,
        renderer: Renderer,
        client: AsyncWebClient,
        edits: Deletions,
        responder: AlertResponder,
        clock: Clock,
    ) -> None:
        self._renderer, self._client = renderer, client
        self._edits, self._responder, self._clock = edits, responder, clock

    async def show_state(self, alert: Alert, ts: str) -> bool:
        """Show a message's state, with its other blocks as they are; False if it was deleted.

        Slack: conversations.history, scopes channels:history and groups:history. Raises the errors
        of the Web API.
        """

        async def edited(response: MessageResponse) -> Message | None:
            answer = await self._client.conversations_history(
                channel=alert.channel_id, oldest=ts, latest=ts, inclusive=True, limit=1
            )
            for message in answer.get("messages") or ():
                facts = {"alert": alert, **self._state(response)}
                state: Any = self._renderer.render("alerts/open.state", **facts)
                blocks = with_response_replaced(message.get("blocks") or (), state["blocks"])
                return {"text": message["text"], "blocks": blocks}
            return None

        return await self.update(alert, ts, edited)

    def _state(self, response: MessageResponse) -> dict[str, Any]:
        """The template data of a message's state."""
        return {
            "response": response.last,
            "snoozes": response.active_snoozes(self._clock()),
            "pauses": response.pauses,
            "recoveries": response.recoveries,
        }

    async def try_to_show_state(self, alert: Alert, ts: str) -> None:
        """Show a message's state at once; if that fails, a worker does it soon."""
        try:
            await self.show_state(alert, ts)
        except SLACK_ERRORS as error:
            logger.warning("a message was not updated: %s", describe(error))

    async def update(
        self,
        alert: Alert,
        ts: str,
        render: Callable[[MessageResponse], Awaitable[Message | None]],
    ) -> bool:
        """Update a message with what `render` makes of its state; False if that is None."""
        async with self._edits.lock(alert.owner, f"edit:{alert.channel_id}:{ts}"):
            response = (await self._responder.load(alert.id)).of(ts)
            for _ in range(MAX_STATE_UPDATES):
                message = await render(response)
                if message is None:
                    return False
                await self._client.chat_update(
                    channel=alert.channel_id, ts=ts, text=message["text"], blocks=message["blocks"]
                )
                shown, response = response, (await self._responder.load(alert.id)).of(ts)
                if (shown.number, shown.edits) == (response.number, response.edits):
                    break
        return True


class AlertPoster:
    """Posts the messages of alerts. Every method may raise RetryLater."""

    def __init__(
        self,
        renderer: Renderer,
        poster: IdempotentPoster,
        notifier: Notifier,
        messages: AlertMessages,
    ) -> None:
        self._renderer, self._poster, self._notifier = renderer, poster, notifier
        self._messages = messages

    async def post_history(self, alert: Alert, response: MessageResponse, admit: Admit) -> None:
        """Post a line in a message's thread for each change that Slack doesn't show, once each.

        Raises PostRefused, and the errors of `admit`.
        """
        left_out = response.pending[0].number - response.shown - 1 if response.pending else 0
        for step in response.pending:
            facts = {"step": step, "before": response.before(step), "left_out": left_out}
            name = f"alert:{alert.id}:response:{response.ts}:{step.number}"
            place = alert.owner.team_id, alert.channel_id, step.at, response.ts
            post = OutgoingMessage(name, *place, admit)
            await self._try_post(post, "alerts/open.step", **facts)
            left_out = 0

    async def post_snooze_report(self, alert: Alert, ts: str, snooze: Snooze, admit: Admit) -> None:
        """Post how many failures occurred during a snooze in the message's thread, once.

        Says since when they are not counted, if the alert was muted or could not be polled.
        Raises PostRefused, and the errors of `admit`.
        """
        kind = short_hash(snooze.fingerprint)
        name = f"alert:{alert.id}:snooze:{ts}:{kind}:{snooze.at:.3f}"
        place = alert.owner.team_id, alert.channel_id, snooze.end, ts
        post = OutgoingMessage(name, *place, admit)
        is_counted = snooze.end - alert.polled_at <= MAX_MISSED_SECONDS
        since = 0.0 if is_counted else max(alert.polled_at, snooze.at)
        await self._try_post(post, "alerts/open.awake", snooze=snooze, unread_since=since)

    async def may_be_posted(self, alert: Alert, report: ConditionReport) -> bool:
        """Whether a report was posted, or an earlier attempt may have posted it."""
        return await self._poster.may_be_sent(_report_key(alert, report))

    async def post_report(
        self, alert: Alert, report: ConditionReport, jobs: Jobs, admit: Admit
    ) -> str:
        """Post stuck jobs or a silence, once; returns the message's timestamp.

        `jobs` are the stuck ones, or the first one after the silence, if there is one by now. If
        the timestamp is unknown, tells the alert's owner and returns "". Raises PostRefused, and
        the errors of `admit`.
        """
        zone = await self._notifier.zone_name(alert.owner)
        facts = report_facts(alert, report, jobs, zone)
        template = "alerts/stuck" if report.job_ids else "alerts/silent"
        name = _report_key(alert, report)
        post = OutgoingMessage(name, alert.owner.team_id, alert.channel_id, report.at, admit=admit)
        ts = await self._try_post(post, template, **facts)
        if not ts:
            notice = f"{name}:unknown"
            await self._notifier.send_direct(
                notice, alert.owner, report.at, "alerts/unknown", alert=alert
            )
        return ts

    async def post(
        self, alert: Alert, batch: ChangeBatch, plan: AlertPlan, jobs: Jobs, admit: Admit
    ) -> str | None:
        """Post all messages of a plan; returns the timestamp of the new message, "" for none.

        None means that the outcome is unknown. The call can be repeated at any time: posted
        messages are not posted again. Raises PostRefused, and the errors of `admit`, which is
        called before each message.
        """
        zone = await self._notifier.zone_name(alert.owner)
        ts = await self._post_news(alert, batch, plan, jobs, zone, admit) if plan.rows else ""
        if ts and plan.rest:
            kind = _status_of(alert, plan.rows)
            await self._post_thread(alert, batch, ts, plan.rest, jobs, zone, admit, kind)
        for repeats in plan.repeats:
            await self._post_repeats(alert, batch, repeats, jobs, zone, admit)
        return ts

    async def _post_news(
        self,
        alert: Alert,
        batch: ChangeBatch,
        plan: AlertPlan,
        jobs: Jobs,
        zone: str,
        admit: Admit,
    ) -> str | None:
        new = PostedAlert("", batch.at, plan.rows, batch.since, batch.more)
        message = self._renderer.render("alerts/news", **news_facts(alert, new, jobs, zone))
        try:
            return await self._poster.post(_post(alert, batch, "news", admit), message) or None
        except OutcomeUnknown:
            return None

    async def _post_repeats(
        self,
        alert: Alert,
        batch: ChangeBatch,
        repeats: Repeats,
        jobs: Jobs,
        zone: str,
        admit: Admit,
    ) -> None:
        """Post repeats to the thread, and update the count in the message."""
        ts = repeats.post.ts
        await self._post_thread(alert, batch, ts, repeats.job_ids, jobs, zone, admit, FAILED)
        await admit()

        async def rendered(response: MessageResponse) -> Message:
            facts = news_facts(alert, repeats.post, jobs, zone, response, batch.at)
            message: Message = self._renderer.render("alerts/news", **facts)
            return message

        try:
            await self._messages.update(alert, ts, rendered)
        except SLACK_ERRORS as error:
            logger.warning("a message was not updated: %s", describe(error))

    async def _post_thread(
        self,
        alert: Alert,
        batch: ChangeBatch,
        ts: str,
        ids: Sequence[str],
        jobs: Jobs,
        zone: str,
        admit: Admit,
        kind: str,
    ) -> None:
        facts = thread_facts(alert, ids, jobs)
        post = replace(_post(alert, batch, f"thread:{ts}", admit), thread_ts=ts)
        await self._try_post(post, "alerts/thread", kind=kind, zone=zone, **facts)

    async def _try_post(self, post: OutgoingMessage, template: str, **facts: Any) -> str:
        """Post a message once; returns its timestamp, "" if it is unknown whether it was posted.

        Raises PostRefused, and the errors of `post.admit`.
        """
        try:
            return await self._poster.post(post, self._renderer.render(template, **facts))
        except OutcomeUnknown:
            logger.warning("unknown whether %s was posted", post.key)
            return ""


def thread_facts(alert: Alert, ids: Sequence[str], jobs: Jobs) -> dict[str, Any]:
    """The template data of a message in a thread: its jobs by cause, and the number left out."""
    shown = [jobs[job_id] for job_id in ids[:MAX_THREAD_ROWS] if job_id in jobs]
    groups = group_failures(job for job in shown if job.status == FAILED)
    others = [one for job in shown if job.status != FAILED for one in group_failures([job])]
    return {
        "tenant": alert.filters.tenant,
        "total": len(ids),
        "agents": agent_counts(Counter(map(agent_label, shown))),
        "groups": (*groups, *others),
        "gone": len(ids[:MAX_THREAD_ROWS]) - len(shown),
        "more": len(ids[MAX_THREAD_ROWS:]),
    }


def _report_key(alert: Alert, report: ConditionReport) -> str:
    return f"alert:{alert.id}:report:{report.number}"


def report_facts(alert: Alert, report: ConditionReport, jobs: Jobs, zone: str) -> dict[str, Any]:
    """The template data of a message about an alert's condition."""
    query = to_compact(alert.filters, searched=False)
    if not report.job_ids:
        until = min(map(created_at, jobs.values()), default=0.0)
        return {"alert": alert, "report": report, "until": until, "query": query}
    there = [jobs[job_id] for job_id in report.job_ids if job_id in jobs]
    return {
        "alert": alert,
        "zone": zone,
        "total": len(report.job_ids),
        "more": len(report.job_ids) - len(there[:MAX_ALERT_ROWS]),
        "unread": report.unread,
        "jobs": there[:MAX_ALERT_ROWS],
        "agents": agent_counts(Counter(map(agent_label, there))),
        "query": query,
    }


def news_facts(
    alert: Alert,
    post: PostedAlert,
    jobs: Jobs,
    zone: str,
    response: MessageResponse | None = None,
    now: float = 0.0,
) -> dict[str, Any]:
    """The template data of an alert's message; `zone` is the time zone of the alert's owner.

    `response` is the team's response, and `now` the time at which its snoozes are shown.
    """
    rows = [
        {"job_id": row.job_id, "count": row.count, "last_at": row.last_at}
        | {"job": jobs.get(row.job_id), "agents": agent_counts(Counter(row.agents))}
        | {"can_be_snoozed": bool(row.fingerprint)}
        for row in post.rows[:MAX_ALERT_ROWS]
    ]
    agents = sum((Counter(row.agents) for row in post.rows), Counter[str]())
    counted = sum(row.count for row in post.rows)
    hidden = sum(row.count for row in post.rows[MAX_ALERT_ROWS:])
    return {
        "alert": alert,
        "zone": zone,
        "rows": rows,
        "kind": _status_of(alert, post.rows),
        "agents": agent_counts(agents),
        "since": post.since,
        "total": None if post.more is None else counted + post.more,
        "more": None if post.more is None else hidden + post.more,
        "query": to_compact(replace(alert.filters, sort=LAST_CHANGED_FIRST), searched=False),
        "can_be_claimed": post.has_failures,
        "response": response.last if response else None,
        "snoozes": response.active_snoozes(now) if response else (),
        "pauses": response.pauses if response else (),
        "recoveries": response.recoveries if response else (),
    }


def _status_of(alert: Alert, rows: Sequence[AlertRow]) -> str:
    """The status of all jobs in a message; "" if their statuses may differ."""
    if all(row.fingerprint for row in rows):
        return FAILED
    statuses = alert.filters.statuses
    return statuses[0] if len(statuses) == 1 else ""


def job_ids_shown(plan: AlertPlan) -> list[str]:
    """The ids of the jobs that the plan's messages show."""
    lines = [plan.rest, *(one.job_ids for one in plan.repeats)]
    return [*row_job_ids(plan), *(job_id for ids in lines for job_id in ids[:MAX_THREAD_ROWS])]


def row_job_ids(plan: AlertPlan) -> list[str]:
    """The ids of the jobs in rows: each stands for all failures with its cause."""
    rows = [
        *plan.rows[:MAX_ALERT_ROWS],
        *(row for one in plan.repeats for row in one.post.rows[:MAX_ALERT_ROWS]),
    ]
    return [row.job_id for row in rows]


def _post(alert: Alert, batch: ChangeBatch, part: str, admit: Admit) -> OutgoingMessage:
    name = f"alert:{alert.id}:{batch.number}:{part}"
    return OutgoingMessage(name, alert.owner.team_id, alert.channel_id, batch.at, admit=admit)
