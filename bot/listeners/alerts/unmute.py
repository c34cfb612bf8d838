"""/emporix alerts unmute — what has happened meanwhile is summed up, and the rest is told again."""

from __future__ import annotations

from bot.listeners.alerts.off import notify_owners
from bot.models import Caller
from bot.say import buttons
from bot.say.buttons import AlertButton
from bot.services.alerts.alerts import Alerts
from bot.slack.auditing import AuditDraft
from bot.slack.channel import Channel
from bot.slack.hear import action, command
from bot.slack.people import People
from bot.slack.reply import Reply
from bot.store.audit_events import AuditEvent


@command("alerts unmute", "", "Hear this channel's alerts again.", audit=AuditEvent.ALERT_UNMUTED)
async def unmute(
    caller: Caller,
    alerts: Alerts,
    channel: Channel,
    people: People,
    reply: Reply,
    audit_entry: AuditDraft,
) -> None:
    await unmute_there("", caller, alerts, channel, people, reply, audit_entry)


@action(buttons.ALERTS_UNMUTE_ONE, audit=AuditEvent.ALERT_UNMUTED)
async def unmute_one(
    button: AlertButton,
    caller: Caller,
    alerts: Alerts,
    channel: Channel,
    people: People,
    reply: Reply,
    audit_entry: AuditDraft,
) -> None:
    alert_id = button.alert_id
    await unmute_there(alert_id, caller, alerts, channel, people, reply, audit_entry)


async def unmute_there(
    alert_id: str,
    caller: Caller,
    alerts: Alerts,
    channel: Channel,
    people: People,
    reply: Reply,
    audit_entry: AuditDraft,
) -> None:
    """Everyone there learns who did it; so do the owners."""
    heard = await alerts.mute(caller, channel.id, 0.0, alert_id)
    audit_entry.about_alerts(heard)
    await notify_owners("unmuted", heard, people)
    tell = channel.post if heard else reply
    await tell("alerts/unmute", alerts=heard, user_id=caller.user_id)
