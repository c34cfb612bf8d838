"""Alerts in the Home tab — the user's alerts in all channels; changes are posted in the channel."""

from __future__ import annotations

from contextlib import suppress

from bot.domain.accounts import Account, Caller
from bot.domain.audit import AuditEvent
from bot.errors import ShareRefused
from bot.listeners.alerts import views
from bot.rendering import buttons
from bot.rendering.buttons import AlertButton
from bot.services.alerts.alerts import AlertService
from bot.services.filters.parser import LocalClock
from bot.services.sharing import SharingService
from bot.slack.audit import AuditDraft
from bot.slack.conversations import Channel, Origin
from bot.slack.decorators import action, submission
from bot.slack.home import HomeTab
from bot.slack.modals import Modal, SubmittedModal
from bot.slack.reply import Reply
from bot.slack.users import CurrentUser


@action(buttons.HOME_ALERTS_MUTE, audit=AuditEvent.ALERT_MUTED)
async def mute(
    button: AlertButton,
    clock: LocalClock,
    alerts: AlertService,
    origin: Origin,
    user: CurrentUser,
    home: HomeTab,
    reply: Reply,
    audit_entry: AuditDraft,
) -> None:
    channel = await _channel(button, user.caller, alerts, origin)
    with suppress(ShareRefused):  # the alert is muted anyway
        await views.mute("", button.alert_id, clock, alerts, channel, user, reply, audit_entry)
    await home.redraw()


@action(buttons.HOME_ALERTS_UNMUTE, audit=AuditEvent.ALERT_UNMUTED)
async def unmute(
    button: AlertButton,
    alerts: AlertService,
    origin: Origin,
    user: CurrentUser,
    home: HomeTab,
    reply: Reply,
    audit_entry: AuditDraft,
) -> None:
    channel = await _channel(button, user.caller, alerts, origin)
    await user.must_be_in(channel.id)
    with suppress(ShareRefused):
        await views.unmute(button.alert_id, alerts, channel, user, reply, audit_entry)
    await home.redraw()


@action(buttons.HOME_ALERTS_RESUME, audit=AuditEvent.ALERT_RESUMED)
async def resume(
    button: AlertButton,
    account: Account,
    clock: LocalClock,
    alerts: AlertService,
    sharing: SharingService,
    origin: Origin,
    user: CurrentUser,
    home: HomeTab,
    reply: Reply,
    audit_entry: AuditDraft,
) -> None:
    channel = await _channel(button, user.caller, alerts, origin)
    await user.must_be_in(channel.id)
    services = alerts, sharing, channel, user, reply, audit_entry
    await views.resume(button.alert_id, account, clock, *services)
    await home.redraw()


@action(buttons.HOME_ALERTS_ASK_OFF, at_once=True, audit=None)
async def ask_to_turn_off(
    button: AlertButton, caller: Caller, alerts: AlertService, modal: Modal
) -> None:
    alert = await alerts.get_own(caller, button.alert_id)
    await modal.open("home/confirm", act="turn_off_alert", alert=alert)


@submission(buttons.HOME_ALERTS_OFF, audit=AuditEvent.ALERT_OFF)
async def turn_off(
    metadata: AlertButton,
    alerts: AlertService,
    origin: Origin,
    user: CurrentUser,
    home: HomeTab,
    modal: SubmittedModal,
    reply: Reply,
    audit_entry: AuditDraft,
) -> None:
    channel = await _channel(metadata, user.caller, alerts, origin)
    turning_off = views.turn_off(metadata.alert_id, alerts, channel, user, reply, audit_entry)
    with suppress(ShareRefused):  # the alert is turned off anyway
        await modal.within_ack(turning_off, "loading", step="alert_off")
    await modal.end_with("home/alerts.off")
    await home.refresh_if_open()


async def _channel(
    button: AlertButton, caller: Caller, alerts: AlertService, origin: Origin
) -> Channel:
    """The alert's channel; raises OutdatedButton if the alert is off or has another owner."""
    alert = await alerts.get_own(caller, button.alert_id)
    return origin.channel_at(alert.channel_id)
