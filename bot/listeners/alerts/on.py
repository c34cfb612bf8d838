"""/emporix alerts on [filters] — this channel hears within a minute of jobs that fail."""

from __future__ import annotations

from dataclasses import replace

from bot.listeners.alerts.off import notify_owners
from bot.models import Account
from bot.say import buttons
from bot.say.buttons import AlertButton
from bot.services.alerts.alerts import Alerts, TurnedOn
from bot.services.asking import Asking
from bot.services.filters import LocalClock
from bot.services.sharing import Sharing
from bot.slack.auditing import AuditDraft
from bot.slack.channel import Channel
from bot.slack.hear import action, command
from bot.slack.people import People
from bot.slack.reply import Reply
from bot.store.audit_events import AuditEvent


@command(
    "alerts on",
    "[filters]",
    "Tell this channel within a minute of jobs that fail, or of those that the filters say.",
    audit=AuditEvent.ALERT_ON,
)
async def turn_on(
    text: str,
    account: Account,
    clock: LocalClock,
    asking: Asking,
    alerts: Alerts,
    sharing: Sharing,
    channel: Channel,
    people: People,
    audit_entry: AuditDraft,
) -> None:
    sharing.admit(await channel.audience())
    filters = await asking.read(text, account, clock)
    await channel.enter()
    turned_on = await alerts.on(account, channel.id, filters)
    await _say(turned_on, account, channel, people, audit_entry)


@action(buttons.ALERTS_ON_RESUME, audit=AuditEvent.ALERT_RESUMED)
async def resume(
    button: AlertButton,
    account: Account,
    alerts: Alerts,
    sharing: Sharing,
    channel: Channel,
    people: People,
    reply: Reply,
    audit_entry: AuditDraft,
) -> None:
    alert_id = button.alert_id
    await resume_there(alert_id, account, alerts, sharing, channel, people, reply, audit_entry)


async def resume_there(
    alert_id: str,
    account: Account,
    alerts: Alerts,
    sharing: Sharing,
    channel: Channel,
    people: People,
    reply: Reply,
    audit_entry: AuditDraft,
) -> None:
    """Everyone there learns who did it, as with the other verbs."""
    sharing.admit(await channel.audience())
    await channel.enter()
    turned_on = await alerts.resume(account, channel.id, alert_id)
    if turned_on is None:
        audit_entry.skip()
        await reply("alerts/off", alerts=(), user_id=account.caller.user_id)
    else:
        await _say(turned_on, account, channel, people, audit_entry)


async def _say(
    turned_on: TurnedOn,
    account: Account,
    channel: Channel,
    people: People,
    audit_entry: AuditDraft,
) -> None:
    audit_entry.about_alerts([turned_on.alert], turned_on.before)
    if turned_on.how == "resumed":
        audit_entry.event = AuditEvent.ALERT_RESUMED
    elif turned_on.how == "already":
        audit_entry.skip()
    if turned_on.how == "resumed" and turned_on.before:
        before = replace(turned_on.alert, owner=turned_on.before)
        await notify_owners("taken", [before], people)
    await channel.post(
        "alerts/on", alert=turned_on.alert, how=turned_on.how, user_id=account.caller.user_id
    )
