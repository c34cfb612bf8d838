"""/emporix alerts on [filters] — this channel hears within a minute of jobs that fail."""

from __future__ import annotations

from bot.listeners.alerts import views
from bot.models import Account
from bot.say import buttons
from bot.say.buttons import AlertButton
from bot.services.alerts.alerts import Alerts
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
    await views.post_turned_on(turned_on, channel, people, audit_entry)


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
    await views.resume(
        button.alert_id, account, alerts, sharing, channel, people, reply, audit_entry
    )
