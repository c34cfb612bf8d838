"""/emporix alerts off — this channel hears nothing more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bot.models import Caller
from bot.say import buttons
from bot.say.buttons import AlertButton
from bot.services.alerts.alerts import Alerts
from bot.slack.auditing import AuditDraft
from bot.slack.channel import Channel
from bot.slack.hear import action, command
from bot.slack.people import People
from bot.slack.reply import Reply
from bot.store.alert_records import Alert
from bot.store.audit_events import AuditEvent


@command("alerts off", "", "Turn off all alerts of this channel.", audit=AuditEvent.ALERT_OFF)
async def turn_off(
    caller: Caller,
    alerts: Alerts,
    channel: Channel,
    people: People,
    reply: Reply,
    audit_entry: AuditDraft,
) -> None:
    await turn_off_there("", caller, alerts, channel, people, reply, audit_entry)


@action(buttons.ALERTS_OFF_ONE, audit=AuditEvent.ALERT_OFF)
async def turn_one_off(
    button: AlertButton,
    caller: Caller,
    alerts: Alerts,
    channel: Channel,
    people: People,
    reply: Reply,
    audit_entry: AuditDraft,
) -> None:
    alert_id = button.alert_id
    await turn_off_there(alert_id, caller, alerts, channel, people, reply, audit_entry)


async def turn_off_there(
    alert_id: str,
    caller: Caller,
    alerts: Alerts,
    channel: Channel,
    people: People,
    reply: Reply,
    audit_entry: AuditDraft,
) -> None:
    """Everyone there learns who did it; so do the owners, wherever they are."""
    off = await alerts.off(caller, channel.id, alert_id)
    audit_entry.about_alerts(off)
    await notify_owners("off", off, people)
    tell = channel.post if off else reply
    await tell("alerts/off", alerts=off, user_id=caller.user_id)


async def notify_owners(what: str, changed: Sequence[Alert], people: People, **facts: Any) -> None:
    """Other owners read what was done to their alerts: `off`, `muted` or `taken`."""
    for owner in {alert.owner for alert in changed}:
        theirs = [alert for alert in changed if alert.owner == owner]
        await people.notify(owner, "alerts/off.owner", what=what, alerts=theirs, **facts)
