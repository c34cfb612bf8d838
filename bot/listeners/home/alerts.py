"""Alerts in the Home tab — one's own, in any channel; everyone there learns who did it."""

from __future__ import annotations

from contextlib import suppress

from bot.errors import ShareRefused
from bot.listeners.alerts import views
from bot.models import Account, Caller
from bot.say import buttons
from bot.say.buttons import AlertButton
from bot.services.alerts.alerts import Alerts
from bot.services.filters import LocalClock
from bot.services.sharing import Sharing
from bot.slack.auditing import AuditDraft
from bot.slack.channel import Channel
from bot.slack.hear import action
from bot.slack.home import HomeTab
from bot.slack.people import People
from bot.slack.place import Place
from bot.slack.reply import Reply
from bot.store.audit_events import AuditEvent


@action(buttons.HOME_ALERTS_MUTE, audit=AuditEvent.ALERT_MUTED)
async def mute(
    button: AlertButton,
    clock: LocalClock,
    alerts: Alerts,
    place: Place,
    people: People,
    home: HomeTab,
    reply: Reply,
    audit_entry: AuditDraft,
) -> None:
    channel = await _channel(button, people.caller, alerts, place)
    with suppress(ShareRefused):  # muted all the same
        await views.mute("", button.alert_id, clock, alerts, channel, people, reply, audit_entry)
    await home.redraw()


@action(buttons.HOME_ALERTS_UNMUTE, audit=AuditEvent.ALERT_UNMUTED)
async def unmute(
    button: AlertButton,
    alerts: Alerts,
    place: Place,
    people: People,
    home: HomeTab,
    reply: Reply,
    audit_entry: AuditDraft,
) -> None:
    channel = await _channel(button, people.caller, alerts, place)
    await people.must_be_in(channel.id)
    with suppress(ShareRefused):
        await views.unmute(button.alert_id, alerts, channel, people, reply, audit_entry)
    await home.redraw()


@action(buttons.HOME_ALERTS_RESUME, audit=AuditEvent.ALERT_RESUMED)
async def resume(
    button: AlertButton,
    account: Account,
    alerts: Alerts,
    sharing: Sharing,
    place: Place,
    people: People,
    home: HomeTab,
    reply: Reply,
    audit_entry: AuditDraft,
) -> None:
    channel = await _channel(button, people.caller, alerts, place)
    await people.must_be_in(channel.id)
    await views.resume(
        button.alert_id, account, alerts, sharing, channel, people, reply, audit_entry
    )
    await home.redraw()


@action(buttons.HOME_ALERTS_OFF, audit=AuditEvent.ALERT_OFF)
async def turn_off(
    button: AlertButton,
    alerts: Alerts,
    place: Place,
    people: People,
    home: HomeTab,
    reply: Reply,
    audit_entry: AuditDraft,
) -> None:
    channel = await _channel(button, people.caller, alerts, place)
    with suppress(ShareRefused):
        await views.turn_off(button.alert_id, alerts, channel, people, reply, audit_entry)
    await home.redraw()


async def _channel(button: AlertButton, caller: Caller, alerts: Alerts, place: Place) -> Channel:
    """The alert's channel; raises OutdatedButton if it is off, or has another owner now."""
    alert = await alerts.owned(caller, button.alert_id)
    return place.channel_at(alert.channel_id)
