"""/emporix alerts mute [2h] — nothing is posted for a while; then it is summed up."""

from __future__ import annotations

from bot.listeners.alerts.off import notify_owners
from bot.models import Caller
from bot.say import buttons
from bot.say.buttons import AlertButton
from bot.services.alerts.alerts import Alerts
from bot.services.alerts.muting import mute_seconds
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
    caller: Caller,
    clock: LocalClock,
    alerts: Alerts,
    channel: Channel,
    people: People,
    reply: Reply,
    audit_entry: AuditDraft,
) -> None:
    await mute_there(text, "", caller, clock, alerts, channel, people, reply, audit_entry)


@action(buttons.ALERTS_MUTE_ONE, audit=AuditEvent.ALERT_MUTED)
async def mute_one(
    button: AlertButton,
    caller: Caller,
    clock: LocalClock,
    alerts: Alerts,
    channel: Channel,
    people: People,
    reply: Reply,
    audit_entry: AuditDraft,
) -> None:
    alert_id = button.alert_id
    await mute_there("", alert_id, caller, clock, alerts, channel, people, reply, audit_entry)


async def mute_there(
    length: str,
    alert_id: str,
    caller: Caller,
    clock: LocalClock,
    alerts: Alerts,
    channel: Channel,
    people: People,
    reply: Reply,
    audit_entry: AuditDraft,
) -> None:
    """Everyone there learns who did it; so do the owners, wherever they are."""
    until = clock.now() + mute_seconds(length)
    muted = await alerts.mute(caller, channel.id, until, alert_id)
    audit_entry.about_alerts(muted)
    await notify_owners("muted", muted, people, until=until)
    tell = channel.post if muted else reply
    await tell("alerts/mute", alerts=muted, until=until, user_id=caller.user_id)
