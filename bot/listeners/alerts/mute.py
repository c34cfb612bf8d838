"""/emporix alerts mute [2h], /emporix alerts unmute — pause a channel's alerts for a while."""

from __future__ import annotations

from bot.listeners.alerts import views
from bot.say import buttons
from bot.say.buttons import AlertButton
from bot.services.alerts.alerts import Alerts
from bot.services.filters import LocalClock
from bot.slack.auditing import AuditDraft
from bot.slack.channel import Channel
from bot.slack.hear import action, command
from bot.slack.people import People
from bot.slack.reply import Reply
from bot.store.audit_events import AuditEvent


@command(
    "alerts mute",
    "[2h]",
    "Mute this channel's alerts for a while: 30m, 2h, 1d.",
    audit=AuditEvent.ALERT_MUTED,
)
async def mute(
    text: str,
    clock: LocalClock,
    alerts: Alerts,
    channel: Channel,
    people: People,
    reply: Reply,
    audit_entry: AuditDraft,
) -> None:
    await views.mute(text, "", clock, alerts, channel, people, reply, audit_entry)


@action(buttons.ALERTS_MUTE_ONE, audit=AuditEvent.ALERT_MUTED)
async def mute_one(
    button: AlertButton,
    clock: LocalClock,
    alerts: Alerts,
    channel: Channel,
    people: People,
    reply: Reply,
    audit_entry: AuditDraft,
) -> None:
    await views.mute("", button.alert_id, clock, alerts, channel, people, reply, audit_entry)


@command("alerts unmute", "", "Hear this channel's alerts again.", audit=AuditEvent.ALERT_UNMUTED)
async def unmute(
    alerts: Alerts, channel: Channel, people: People, reply: Reply, audit_entry: AuditDraft
) -> None:
    await views.unmute("", alerts, channel, people, reply, audit_entry)


@action(buttons.ALERTS_MUTE_END, audit=AuditEvent.ALERT_UNMUTED)
async def unmute_one(
    button: AlertButton,
    alerts: Alerts,
    channel: Channel,
    people: People,
    reply: Reply,
    audit_entry: AuditDraft,
) -> None:
    await views.unmute(button.alert_id, alerts, channel, people, reply, audit_entry)
