"""/emporix alerts on [filters] — posts failed or matching jobs in the channel within a minute."""

from __future__ import annotations

from dataclasses import replace

from bot.domain.accounts import Account
from bot.domain.audit import AuditEvent
from bot.listeners.alerts import views
from bot.rendering import buttons
from bot.rendering.buttons import AlertButton
from bot.services.alerts.alerts import AlertService, TurnedOn, parse_condition
from bot.services.filters.parser import FilterResolver, LocalClock
from bot.services.filters.tokens import quoted_if_needed
from bot.services.sharing import SharingService
from bot.slack.audit import AuditDraft
from bot.slack.conversations import Channel
from bot.slack.decorators import action, command
from bot.slack.reply import Reply
from bot.slack.users import CurrentUser


@command(
    "alerts on",
    "[filters]",
    "Post failed jobs, or those that match the filters, here within a minute. stuck:30m posts jobs "
    "that run longer, at-least:5 within:10m bursts, and silent:2h between:08-20 a lack of jobs.",
    audit=AuditEvent.ALERT_ON,
)
async def turn_on(
    text: str,
    account: Account,
    clock: LocalClock,
    filter_resolver: FilterResolver,
    alerts: AlertService,
    sharing: SharingService,
    channel: Channel,
    user: CurrentUser,
    audit_entry: AuditDraft,
) -> None:
    sharing.admit(await channel.audience())
    condition, typed = parse_condition(text)
    filters = await filter_resolver.parse(typed, account, clock, date_words=False)
    if condition.silent:
        condition = replace(condition, zone=str(await clock.zone() or condition.zone))
    await channel.join()
    turned_on = await alerts.turn_on(account, channel.id, filters, condition)
    await views.post_turned_on(turned_on, channel, clock, user, audit_entry, filters)


@action(buttons.ALERTS_ON_AGENT, audit=AuditEvent.ALERT_ON)
async def use_agent(
    button: AlertButton,
    account: Account,
    clock: LocalClock,
    filter_resolver: FilterResolver,
    alerts: AlertService,
    channel: Channel,
    user: CurrentUser,
    audit_entry: AuditDraft,
) -> None:
    """Make an alert watch an agent that exists, instead of a name that no agent has."""
    alert = await alerts.get_in_channel(channel.id, button.alert_id)
    typed = f"agent:{quoted_if_needed(button.agent)}"
    agent = await filter_resolver.parse(typed, account, clock, tenant=alert.tenant)
    changed = await alerts.set_agent(alert, agent)
    turned_on = TurnedOn(changed, "changed")
    await views.post_turned_on(turned_on, channel, clock, user, audit_entry)


@action(buttons.ALERTS_ON_RESUME, audit=AuditEvent.ALERT_RESUMED)
async def resume(
    button: AlertButton,
    account: Account,
    clock: LocalClock,
    alerts: AlertService,
    sharing: SharingService,
    channel: Channel,
    user: CurrentUser,
    reply: Reply,
    audit_entry: AuditDraft,
) -> None:
    services = alerts, sharing, channel, user, reply, audit_entry
    await views.resume(button.alert_id, account, clock, *services)
