"""/emporix alerts off — turns off a channel's alerts."""

from __future__ import annotations

from bot.domain.audit import AuditEvent
from bot.listeners.alerts import views
from bot.rendering import buttons
from bot.rendering.buttons import AlertButton
from bot.services.alerts.alerts import AlertService
from bot.slack.audit import AuditDraft
from bot.slack.conversations import Channel
from bot.slack.decorators import action, command
from bot.slack.reply import Reply
from bot.slack.users import CurrentUser


@command("alerts off", "", "Turn off all alerts in this channel.", audit=AuditEvent.ALERT_OFF)
async def turn_off(
    alerts: AlertService,
    channel: Channel,
    user: CurrentUser,
    reply: Reply,
    audit_entry: AuditDraft,
) -> None:
    await views.turn_off("", alerts, channel, user, reply, audit_entry)


@action(buttons.ALERTS_OFF_ONE, audit=AuditEvent.ALERT_OFF)
async def turn_one_off(
    button: AlertButton,
    alerts: AlertService,
    channel: Channel,
    user: CurrentUser,
    reply: Reply,
    audit_entry: AuditDraft,
) -> None:
    await views.turn_off(button.alert_id, alerts, channel, user, reply, audit_entry)
