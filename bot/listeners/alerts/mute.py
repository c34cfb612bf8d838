"""/emporix alerts mute [2h], /emporix alerts unmute — mutes and unmutes a channel's alerts."""

from __future__ import annotations

from bot.domain.audit import AuditEvent
from bot.listeners.alerts import views
from bot.rendering import buttons
from bot.rendering.buttons import AlertButton
from bot.services.alerts.alerts import AlertService
from bot.services.filters.parser import LocalClock
from bot.slack.audit import AuditDraft
from bot.slack.conversations import Channel
from bot.slack.decorators import action, command
from bot.slack.reply import Reply
from bot.slack.users import CurrentUser


@command(
    "alerts mute",
    "[2h]",
    "Mute this channel's alerts for 30m, 2h, 1d or another duration.",
    audit=AuditEvent.ALERT_MUTED,
)
async def mute(
    text: str,
    clock: LocalClock,
    alerts: AlertService,
    channel: Channel,
    user: CurrentUser,
    reply: Reply,
    audit_entry: AuditDraft,
) -> None:
    await views.mute(text, "", clock, alerts, channel, user, reply, audit_entry)


@action(buttons.ALERTS_MUTE_ONE, audit=AuditEvent.ALERT_MUTED)
async def mute_one(
    button: AlertButton,
    clock: LocalClock,
    alerts: AlertService,
    channel: Channel,
    user: CurrentUser,
    reply: Reply,
    audit_entry: AuditDraft,
) -> None:
    await views.mute("", button.alert_id, clock, alerts, channel, user, reply, audit_entry)


@command("alerts unmute", "", "Unmute this channel's alerts.", audit=AuditEvent.ALERT_UNMUTED)
async def unmute(
    alerts: AlertService,
    channel: Channel,
    user: CurrentUser,
    reply: Reply,
    audit_entry: AuditDraft,
) -> None:
    await views.unmute("", alerts, channel, user, reply, audit_entry)


@action(buttons.ALERTS_MUTE_END, audit=AuditEvent.ALERT_UNMUTED)
async def unmute_one(
    button: AlertButton,
    alerts: AlertService,
    channel: Channel,
    user: CurrentUser,
    reply: Reply,
    audit_entry: AuditDraft,
) -> None:
    await views.unmute(button.alert_id, alerts, channel, user, reply, audit_entry)
