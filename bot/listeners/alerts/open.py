"""/emporix alerts open — unclaimed failures; buttons that claim, resolve and reopen them."""

from __future__ import annotations

from bot.domain.accounts import Caller
from bot.domain.alerts import Alert
from bot.domain.audit import AuditEvent
from bot.rendering import buttons
from bot.rendering.buttons import AlertButton
from bot.services.alerts.alerts import AlertService
from bot.services.alerts.lifecycle import AlertResponder, Responded
from bot.slack.audit import AuditDraft
from bot.slack.conversations import Channel
from bot.slack.decorators import action, command
from bot.slack.posting.alerts import AlertMessages
from bot.slack.reply import Reply
from bot.store.alerts import AlertStore


@command(
    "alerts open",
    "",
    "List this channel's failures that no one has claimed; in a direct message, those of all your "
    "alerts.",
    audit=None,
)
async def list_unclaimed(
    caller: Caller,
    alert_store: AlertStore,
    alert_responder: AlertResponder,
    channel: Channel,
    reply: Reply,
) -> None:
    if channel.is_direct:
        alerts = await alert_store.of_owner(caller)
    else:
        alerts = await alert_store.of_channel(caller.team_id, channel.id)
    found = await alert_responder.unclaimed(alerts)
    await reply("alerts/open", messages=found, is_direct=channel.is_direct, alerts=alerts)


@action(buttons.ALERTS_OPEN_CLAIM, audit=AuditEvent.ALERT_CLAIMED)
async def claim(
    button: AlertButton,
    caller: Caller,
    alerts: AlertService,
    alert_responder: AlertResponder,
    alert_messages: AlertMessages,
    channel: Channel,
    reply: Reply,
    audit_entry: AuditDraft,
) -> None:
    alert = await alerts.get_in_channel(channel.id, button.alert_id)
    responded = await alert_responder.respond(alert, channel.message_ts, "claim", caller.user_id)
    await _show(alert, responded, caller, alert_messages, reply, audit_entry)


@action(buttons.ALERTS_OPEN_RESOLVE, audit=AuditEvent.ALERT_RESOLVED)
async def resolve(
    button: AlertButton,
    caller: Caller,
    alerts: AlertService,
    alert_responder: AlertResponder,
    alert_messages: AlertMessages,
    channel: Channel,
    reply: Reply,
    audit_entry: AuditDraft,
) -> None:
    alert = await alerts.get_in_channel(channel.id, button.alert_id)
    responded = await alert_responder.respond(alert, channel.message_ts, "resolve", caller.user_id)
    await _show(alert, responded, caller, alert_messages, reply, audit_entry)


@action(buttons.ALERTS_OPEN_REOPEN, audit=AuditEvent.ALERT_REOPENED)
async def reopen(
    button: AlertButton,
    caller: Caller,
    alerts: AlertService,
    alert_responder: AlertResponder,
    alert_messages: AlertMessages,
    channel: Channel,
    reply: Reply,
    audit_entry: AuditDraft,
) -> None:
    alert = await alerts.get_in_channel(channel.id, button.alert_id)
    responded = await alert_responder.respond(alert, channel.message_ts, "reopen", caller.user_id)
    await _show(alert, responded, caller, alert_messages, reply, audit_entry)


async def _show(
    alert: Alert,
    responded: Responded,
    caller: Caller,
    alert_messages: AlertMessages,
    reply: Reply,
    audit_entry: AuditDraft,
) -> None:
    """Show everyone the change; if another person was faster, tell the user instead."""
    audit_entry.about_alerts([alert] if responded.is_changed else [])
    if responded.is_changed:
        await alert_messages.try_to_show_state(alert, responded.response.ts)
    else:
        last = responded.response.last
        await reply("alerts/open.told", step=last, is_own=last and last.by == caller.user_id)
