"""Changes to a channel's alerts, and messages about them, for commands and the Home tab."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from bot.domain.accounts import Account
from bot.domain.alerts import Alert
from bot.domain.audit import AuditEvent
from bot.domain.filters import Filters
from bot.services.alerts.alerts import AlertService, TurnedOn, mute_seconds
from bot.services.alerts.conditions import silence_active_from
from bot.services.filters.parser import LocalClock
from bot.services.sharing import SharingService
from bot.slack.audit import AuditDraft
from bot.slack.conversations import Channel
from bot.slack.reply import Reply
from bot.slack.users import CurrentUser


async def mute(
    length: str,
    alert_id: str,
    clock: LocalClock,
    alerts: AlertService,
    channel: Channel,
    user: CurrentUser,
    reply: Reply,
    audit_entry: AuditDraft,
) -> None:
    """Mute one alert, or all of the channel's alerts if `alert_id` is empty."""
    until = clock.now() + mute_seconds(length)
    muted = await alerts.mute(user.caller, channel.id, until, alert_id)
    await _report("muted", "alerts/mute", muted, channel, user, reply, audit_entry, until=until)


async def unmute(
    alert_id: str,
    alerts: AlertService,
    channel: Channel,
    user: CurrentUser,
    reply: Reply,
    audit_entry: AuditDraft,
) -> None:
    unmuted = await alerts.mute(user.caller, channel.id, 0.0, alert_id)
    await _report("unmuted", "alerts/mute.ended", unmuted, channel, user, reply, audit_entry)


async def turn_off(
    alert_id: str,
    alerts: AlertService,
    channel: Channel,
    user: CurrentUser,
    reply: Reply,
    audit_entry: AuditDraft,
) -> None:
    off = await alerts.turn_off(user.caller, channel.id, alert_id)
    await _report("off", "alerts/off", off, channel, user, reply, audit_entry)


async def resume(
    alert_id: str,
    account: Account,
    clock: LocalClock,
    alerts: AlertService,
    sharing: SharingService,
    channel: Channel,
    user: CurrentUser,
    reply: Reply,
    audit_entry: AuditDraft,
) -> None:
    sharing.admit(await channel.audience())
    await channel.join()
    turned_on = await alerts.resume(account, channel.id, alert_id)
    if turned_on is None:
        audit_entry.skip()
        await reply("alerts/off", alerts=(), user_id=account.caller.user_id)
    else:
        await post_turned_on(turned_on, channel, clock, user, audit_entry)


async def post_turned_on(
    turned_on: TurnedOn,
    channel: Channel,
    clock: LocalClock,
    user: CurrentUser,
    audit_entry: AuditDraft,
    typed: Filters | None = None,
) -> None:
    """Announce the alert in the channel, and notify its previous owner.

    Says which agents of the filters that were `typed` do not exist.
    """
    audit_entry.about_alerts([turned_on.alert], turned_on.previous_owner)
    if turned_on.outcome == "resumed":
        audit_entry.event = AuditEvent.ALERT_RESUMED
    elif turned_on.outcome == "already":
        audit_entry.skip()
    if turned_on.outcome == "resumed" and turned_on.previous_owner:
        await _notify_owners(
            "taken", [replace(turned_on.alert, owner=turned_on.previous_owner)], user
        )
    user_id = user.caller.user_id
    alert, how, now = turned_on.alert, turned_on.outcome, clock.now()
    facts = {"alert": alert, "how": how, "typed": typed or Filters(), "now": now}
    active_from = silence_active_from(alert)
    await channel.post("alerts/on", user_id=user_id, active_from=active_from, **facts)


async def _report(
    change: str,
    template: str,
    changed: Sequence[Alert],
    channel: Channel,
    user: CurrentUser,
    reply: Reply,
    audit_entry: AuditDraft,
    **facts: Any,
) -> None:
    """Post the change in the channel and notify the owners; reply if no alert changed."""
    audit_entry.about_alerts(changed)
    await _notify_owners(change, changed, user, **facts)
    send = channel.post if changed else reply
    await send(template, alerts=changed, user_id=user.caller.user_id, **facts)


async def _notify_owners(
    change: str, changed: Sequence[Alert], user: CurrentUser, **facts: Any
) -> None:
    """Notify other owners that their alerts were turned off, muted, unmuted or taken over."""
    for owner in {alert.owner for alert in changed}:
        theirs = [alert for alert in changed if alert.owner == owner]
        await user.notify(owner, "alerts/off.owner", what=change, alerts=theirs, **facts)
