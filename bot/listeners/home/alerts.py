"""Alerts in the Home tab — one's own, in whichever channel; everyone there learns who did it."""

from __future__ import annotations

from contextlib import suppress

from bot.errors import ShareRefused
from bot.listeners.alerts.mute import mute_there
from bot.listeners.alerts.off import turn_off_there
from bot.listeners.alerts.on import resume_there
from bot.listeners.alerts.unmute import unmute_there
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
    caller: Caller,
    clock: LocalClock,
    alerts: Alerts,
    place: Place,
    people: People,
    home: HomeTab,
    reply: Reply,
    audit_entry: AuditDraft,
) -> None:
    channel = await _channel(button, caller, alerts, place)
    with suppress(ShareRefused):  # muted all the same
        await mute_there(
            "", button.alert_id, caller, clock, alerts, channel, people, reply, audit_entry
        )
    await home.redraw()


@action(buttons.HOME_ALERTS_UNMUTE, audit=AuditEvent.ALERT_UNMUTED)
async def unmute(
    button: AlertButton,
    caller: Caller,
    alerts: Alerts,
    place: Place,
    people: People,
    home: HomeTab,
    reply: Reply,
    audit_entry: AuditDraft,
) -> None:
    channel = await _channel(button, caller, alerts, place)
    await people.must_be_in(channel.id)
    with suppress(ShareRefused):
        await unmute_there(button.alert_id, caller, alerts, channel, people, reply, audit_entry)
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
    channel = await _channel(button, account.caller, alerts, place)
    await people.must_be_in(channel.id)
    await resume_there(
        button.alert_id, account, alerts, sharing, channel, people, reply, audit_entry
    )
    await home.redraw()


@action(buttons.HOME_ALERTS_OFF, audit=AuditEvent.ALERT_OFF)
async def turn_off(
    button: AlertButton,
    caller: Caller,
    alerts: Alerts,
    place: Place,
    people: People,
    home: HomeTab,
    reply: Reply,
    audit_entry: AuditDraft,
) -> None:
    channel = await _channel(button, caller, alerts, place)
    with suppress(ShareRefused):
        await turn_off_there(button.alert_id, caller, alerts, channel, people, reply, audit_entry)
    await home.redraw()


async def _channel(button: AlertButton, caller: Caller, alerts: Alerts, place: Place) -> Channel:
    """Where the alert is told; raises OutdatedButton where it is off, or somebody else's now."""
    alert = await alerts.owned(caller, button.alert_id)
    return place.channel_at(alert.channel_id)
