"""/emporix alerts off — this channel hears nothing more."""

from __future__ import annotations

from bot.listeners.alerts import views
from bot.say import buttons
from bot.say.buttons import AlertButton
from bot.services.alerts.alerts import Alerts
from bot.slack.auditing import AuditDraft
from bot.slack.channel import Channel
from bot.slack.hear import action, command
from bot.slack.people import People
from bot.slack.reply import Reply
from bot.store.audit_events import AuditEvent


@command("alerts off", "", "Turn off all alerts of this channel.", audit=AuditEvent.ALERT_OFF)
async def turn_off(
    alerts: Alerts, channel: Channel, people: People, reply: Reply, audit_entry: AuditDraft
) -> None:
    await views.turn_off("", alerts, channel, people, reply, audit_entry)


@action(buttons.ALERTS_OFF_ONE, audit=AuditEvent.ALERT_OFF)
async def turn_one_off(
    button: AlertButton,
    alerts: Alerts,
    channel: Channel,
    people: People,
    reply: Reply,
    audit_entry: AuditDraft,
) -> None:
    await views.turn_off(button.alert_id, alerts, channel, people, reply, audit_entry)
