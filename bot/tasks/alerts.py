"""Polls due alerts, and posts new changes, mentions and pause notices once each."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import partial
from typing import Any

from bot.domain.accounts import OWNER_GONE, PolledConnection
from bot.domain.alerts import Alert, PendingMention, PostedAlert
from bot.domain.audit import AuditEvent
from bot.domain.responses import AlertResponses, MessageResponse
from bot.errors import EmporixError, RetryLater, ShareRefused
from bot.metrics import PAUSED, POST_LATENESS_SECONDS
from bot.scheduler.tasks import TaskContext, TaskQueue, periodic, task
from bot.services.accounts import CONNECTION_ERRORS
from bot.services.alerts.alerts import DISCONNECTED
from bot.services.alerts.grouping import group_changes, posts_after, without_snoozed
from bot.services.alerts.lifecycle import AlertLifecycle, AlertResponder
from bot.services.alerts.mentions import (
    due_mentions,
    mentions_of,
    rules_for,
    unclaimed_since,
    unsnoozed,
)
from bot.services.alerts.poll import AlertPoller, backoff_seconds, pause_notice_at
from bot.services.departures import ARCHIVED, REMOVED, Departures
from bot.services.sharing import SharingService
from bot.slack.errors import SLACK_ERRORS, describe, error_name, retry_seconds
from bot.slack.posting.alerts import AlertMessages, AlertPoster, job_ids_shown, row_job_ids
from bot.slack.posting.notifier import Notifier
from bot.slack.posting.post_once import Admit, OutgoingMessage, PostRefused
from bot.store.alerts import AlertStore
from bot.store.audit import AuditLog

QUEUE_INTERVAL_SECONDS = 1.0
MAX_DUE = 200

REASONS_NOT_SENT_TO_OWNER = {OWNER_GONE, DISCONNECTED, ARCHIVED, REMOVED}
"""Pause reasons not sent to the owner, who has left Slack or was already notified."""

logger = logging.getLogger(__name__)


@periodic(QUEUE_INTERVAL_SECONDS)
async def queue_due_alerts(now: float, alert_store: AlertStore, queue: TaskQueue) -> None:
    for source in await alert_store.connections.claim_due(now, MAX_DUE):
        await queue.put("alerts.poll", source.name, source=source.name)


@task
async def poll(
    source: str,
    alert_poller: AlertPoller,
    alert_lifecycle: AlertLifecycle,
    queue: TaskQueue,
    audit: AuditLog,
) -> None:
    """Ask Emporix what is due for the alerts of a connection, and queue what follows."""
    connection = PolledConnection.parse(source)
    looked = await alert_poller.poll(connection)
    for alert_id in looked.ready:
        await queue.put("alerts.post", alert_id, alert_id=alert_id)
    for alert_id in looked.notices_due:
        await queue.put("alerts.post_notice", alert_id, alert_id=alert_id)
    for alert_id in looked.mentions_due:
        await queue.put("alerts.mention", alert_id, alert_id=alert_id)
    if looked.connection_error:
        await _pause_all(connection, looked.connection_error, alert_lifecycle, audit)
    for alert_id in looked.invalid_filters:
        await _pause(alert_id, "filters", alert_lifecycle, audit)


@task
async def post(
    alert_id: str,
    now: float,
    context: TaskContext,
    alert_store: AlertStore,
    alert_lifecycle: AlertLifecycle,
    alert_poller: AlertPoller,
    sharing: SharingService,
    alert_poster: AlertPoster,
    alert_responder: AlertResponder,
    notifier: Notifier,
    departures: Departures,
    audit: AuditLog,
    queue: TaskQueue,
) -> None:
    """Post new changes and reports; if that fails permanently, pause the alert with the reason."""
    alert = await alert_store.load(alert_id)
    if alert is None or not alert.news or alert.paused or alert.muted_until > now:
        return
    context.owner, context.subject = alert.owner, "an alert in a channel"
    context.on_give_up = partial(_pause, alert.id, "unexpected", alert_lifecycle, audit)
    admit = partial(_admit, alert, sharing, notifier)
    services = alert_lifecycle, alert_poller, alert_responder, alert_poster, notifier, queue
    try:
        if not await alert_lifecycle.check_owner(alert, notifier.has_left):
            await departures.remove_user(alert.owner)
            await _pause(alert.id, OWNER_GONE, alert_lifecycle, audit)
            return
        await admit()
        await _post(alert, await alert_store.load_posts(alert.id), *services, admit)
        POST_LATENESS_SECONDS.observe(now - min(one.at for one in alert.news), "alert")
    except CONNECTION_ERRORS as error:
        if (looked := await alert_poller.record_failure(alert.connection, error)).connection_error:
            await _pause_all(alert.connection, looked.connection_error, alert_lifecycle, audit)
    except EmporixError as error:
        raise RetryLater(backoff_seconds(error, [alert], now), str(error)) from error
    except (ShareRefused, PostRefused, *SLACK_ERRORS) as error:
        reason = _permanent_reason(error)
        logger.warning("alert %s is paused because it cannot be posted: %s", alert.id, reason)
        await _pause(alert.id, reason, alert_lifecycle, audit)


@task
async def mention(
    alert_id: str,
    now: float,
    context: TaskContext,
    alert_store: AlertStore,
    alert_lifecycle: AlertLifecycle,
    alert_responder: AlertResponder,
    sharing: SharingService,
    notifier: Notifier,
) -> None:
    """Post the due mentions of an alert, except about failures that were claimed or resolved.

    Those of snoozed failures wait until the snooze is over.
    """
    alert = await alert_store.load(alert_id)
    if alert is None or not (due := due_mentions(alert, now)):
        return
    context.owner, context.subject = alert.owner, "an alert in a channel"
    posts = await alert_store.load_posts(alert.id)
    for one in due:
        responses, is_posted = await alert_responder.load(alert.id), False
        if since := unclaimed_since(posts, responses, one.ts, now):
            awake = unsnoozed(one, posts, responses, now)
            if not awake.agents:
                continue
            is_posted = await _mention(alert, awake, since, sharing, notifier)
        await alert_lifecycle.mark_mentioned(alert, one, is_posted=is_posted)


@task
async def post_notice(
    alert_id: str,
    now: float,
    context: TaskContext,
    alert_store: AlertStore,
    alert_lifecycle: AlertLifecycle,
    sharing: SharingService,
    notifier: Notifier,
) -> None:
    """Send the reason for a pause to the alert's channel and owner."""
    alert = await alert_store.load(alert_id)
    if alert is None or pause_notice_at(alert) > now:
        return
    context.owner, context.subject = alert.owner, "a paused alert in a channel"
    await _notify_channel(alert, sharing, notifier)
    if not alert.notices and alert.paused not in REASONS_NOT_SENT_TO_OWNER:
        await _notify_owner(alert, await alert_lifecycle.paused_together_with(alert), notifier)
    await alert_lifecycle.record_notice(alert)


@periodic(QUEUE_INTERVAL_SECONDS)
async def queue_due_responses(now: float, alert_store: AlertStore, queue: TaskQueue) -> None:
    for alert_id in await alert_store.responses.due.claim(now, MAX_DUE):
        await queue.put("alerts.show_responses", alert_id, alert_id=alert_id)


@task
async def show_responses(
    alert_id: str,
    now: float,
    context: TaskContext,
    alert_store: AlertStore,
    alert_responder: AlertResponder,
    alert_messages: AlertMessages,
    alert_poster: AlertPoster,
    sharing: SharingService,
    notifier: Notifier,
) -> None:
    """Show in Slack who claimed, resolved or reopened which messages, and which snoozes are over.

    A snooze also counts the failures of a batch that is not posted yet.
    """
    alert = await alert_store.load(alert_id)
    if alert is None:
        await alert_store.responses.delete_orphaned(alert_id)
        return
    context.owner, context.subject = alert.owner, "a response to an alert"
    context.on_give_up = partial(alert_responder.give_up, alert.id)
    if alert.batch:
        await alert_responder.count_snoozed(alert, alert.batch)
    while waiting := _waiting(await alert_responder.load(alert.id), now):
        for response in waiting:
            admit = partial(_admit, alert, sharing, notifier)
            await _show(alert, response, now, alert_messages, alert_poster, admit)
            await alert_responder.mark_shown(alert.id, response)
            for snooze in response.snoozes_to_report(now):
                await alert_responder.mark_reported(alert.id, response.ts, snooze)
    await alert_store.responses.settle(alert.id)


def _waiting(responses: AlertResponses, now: float) -> list[MessageResponse]:
    """The responses to show in Slack, or with a snooze that is over."""
    return [one for one in responses.messages if not one.is_shown or one.snoozes_to_report(now)]


async def _show(
    alert: Alert,
    response: MessageResponse,
    now: float,
    messages: AlertMessages,
    poster: AlertPoster,
    admit: Admit,
) -> None:
    """Update a message and its thread; a permanent error is logged. May raise RetryLater."""
    try:
        await admit()
        if await messages.show_state(alert, response.ts):
            await poster.post_history(alert, response, admit)
            for snooze in response.snoozes_to_report(now):
                await poster.post_snooze_report(alert, response.ts, snooze, admit)
    except (ShareRefused, PostRefused, *SLACK_ERRORS) as error:
        reason = _permanent_reason(error)
        logger.warning("a response to alert %s is not shown in Slack: %s", alert.id, reason)


async def _pause(
    alert_id: str, reason: str, alert_lifecycle: AlertLifecycle, audit: AuditLog
) -> None:
    alert = await alert_lifecycle.pause(alert_id, reason)
    if alert and alert.paused == reason:
        await _note_paused(alert, reason, audit)


async def _pause_all(
    source: PolledConnection, reason: str, alert_lifecycle: AlertLifecycle, audit: AuditLog
) -> None:
    for alert in await alert_lifecycle.pause_all(source, reason):
        await _note_paused(alert, reason, audit)


async def _note_paused(alert: Alert, reason: str, audit: AuditLog) -> None:
    PAUSED.count("alert")
    await audit.try_record_for_app(
        AuditEvent.ALERT_PAUSED,
        alert.owner,
        reason,
        tenant=alert.tenant,
        channel_id=alert.channel_id,
        count=1,
    )


async def _admit(alert: Alert, sharing: SharingService, notifier: Notifier) -> None:
    """Raise ShareRefused if the alert's channel has members who may not see jobs."""
    sharing.admit(await notifier.audience(alert.channel_id))


async def _mention(
    alert: Alert,
    mention: PendingMention,
    since: float,
    sharing: SharingService,
    notifier: Notifier,
) -> bool:
    """Post a mention for the rules that apply now; False if none does, or if Slack refuses it."""
    rules = rules_for(alert, mention.agents)
    if not rules:
        return False
    post = OutgoingMessage(
        f"alert:{alert.id}:{mention.number}:{'reminder' if mention.is_reminder else 'mention'}",
        alert.owner.team_id,
        alert.channel_id,
        mention.due_at,
        thread_ts=mention.ts,
    )
    # A rule with nobody was for a person whose data was deleted.
    users = list(dict.fromkeys(one.user_id for one in rules if one.user_id or not one.group_id))
    groups = list(dict.fromkeys(rule.group_id for rule in rules if rule.group_id))
    gone = await notifier.find_gone(alert.owner.team_id, users, groups)
    facts = {
        "tenant": alert.tenant,
        "user_ids": [one for one in users if one not in gone],
        "group_ids": [one for one in groups if one not in gone],
        "gone_user_ids": [one for one in users if one in gone],
        "gone_group_ids": [one for one in groups if one in gone],
        "agents": sorted(filter(None, set(mention.agents.values()))),
        "since": since if mention.is_reminder else 0,
    }
    return await _post_admitted(alert, post, sharing, notifier, "alerts/mention", facts)


async def _notify_channel(alert: Alert, sharing: SharingService, notifier: Notifier) -> None:
    """Notify the channel; otherwise, its members would assume that no jobs failed."""
    name = f"{_pause_key(alert)}:{alert.notices + 1}"
    post = OutgoingMessage(name, alert.owner.team_id, alert.channel_id, pause_notice_at(alert))
    await _post_admitted(alert, post, sharing, notifier, "alerts/orphaned", {"alert": alert})


async def _post_admitted(
    alert: Alert,
    post: OutgoingMessage,
    sharing: SharingService,
    notifier: Notifier,
    template: str,
    facts: Mapping[str, Any],
) -> bool:
    """Post a message in the alert's channel if all its members may see jobs; else return False."""
    try:
        await _admit(alert, sharing, notifier)
        return await notifier.post_in_channel(post, template, **facts)
    except (ShareRefused, *SLACK_ERRORS) as error:
        logger.warning("could not post %s: %s", post.key, _permanent_reason(error))
        return False


def _permanent_reason(error: Exception) -> str:
    """Return the reason for a permanent error; raises RetryLater for a temporary one."""
    if isinstance(error, ShareRefused | PostRefused):
        return error.reason
    if (seconds := retry_seconds(error)) is not None:
        raise RetryLater(seconds, describe(error)) from error
    return error_name(error)


async def _notify_owner(alert: Alert, together: list[Alert], notifier: Notifier) -> None:
    """Send one message about all alerts paused together; its key is from the oldest one."""
    alerts = together or [alert]
    facts = {"reason": alert.paused, "tenant": alert.tenant, "alerts": alerts}
    name, at = _pause_key(alerts[0]), alert.paused_at
    await notifier.send_direct(name, alert.owner, at, "alerts/paused", **facts)


def _pause_key(alert: Alert) -> str:
    return f"alert:{alert.id}:paused:{alert.paused_at:.3f}"


async def _post_reports(
    alert: Alert,
    alert_lifecycle: AlertLifecycle,
    alert_poller: AlertPoller,
    alert_poster: AlertPoster,
    admit: Admit,
) -> None:
    """Post stuck jobs or a silence, and save the messages; a retry posts nothing twice.

    Jobs that have ended before the first attempt are left out: the report may have waited.
    """
    for report in alert.progress.reports:
        jobs, ended = await alert_poller.load_reported(alert, report)
        is_new = ended and not await alert_poster.may_be_posted(alert, report)
        number = report.number
        left = await alert_lifecycle.drop_ended(alert.id, number, ended) if is_new else report
        if left:
            ts = await alert_poster.post_report(alert, left, jobs, admit)
            await alert_lifecycle.mark_reported(alert.id, number, ts)


async def _post(
    alert: Alert,
    posts: tuple[PostedAlert, ...],
    alert_lifecycle: AlertLifecycle,
    alert_poller: AlertPoller,
    alert_responder: AlertResponder,
    alert_poster: AlertPoster,
    notifier: Notifier,
    queue: TaskQueue,
    admit: Admit,
) -> None:
    """Post reports and a batch, save the messages in use, and queue the mentions that follow."""
    await _post_reports(alert, alert_lifecycle, alert_poller, alert_poster, admit)
    if alert.batch is None:
        return
    before = await alert_responder.count_snoozed(alert, alert.batch)
    batch, _ = without_snoozed(alert.batch, before)
    plan = group_changes(batch, posts, before)
    repeated = (repeats.post for repeats in plan.repeats)
    responses = await alert_responder.reopen(alert, repeated, batch.number, batch.at)
    jobs = await alert_poller.load_jobs(alert, job_ids_shown(plan), row_job_ids(plan))
    ts = await alert_poster.post(alert, batch, plan, jobs, admit)
    if ts is None:
        name = f"alert:{alert.id}:{batch.number}:unknown"
        await notifier.send_direct(name, alert.owner, batch.at, "alerts/unknown", alert=alert)
    posts_in_use = posts_after(posts, plan, batch, ts or "", responses)
    mentions = mentions_of(alert, batch, posts, before, ts or "")
    is_saved = await alert_lifecycle.mark_posted(alert, posts_in_use, mentions, responses)
    if not is_saved:  # the retry is idempotent
        raise RetryLater(1.0, "the alert was changed at the same time")
    if mentions:  # if this worker dies here, the next poll finds them
        await queue.put("alerts.mention", alert.id, alert_id=alert.id)
