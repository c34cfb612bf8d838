"""/emporix alerts open — unclaimed failures; buttons that claim, resolve and snooze them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from bot.domain.accounts import Caller
from bot.domain.audit import AuditEvent
from bot.domain.responses import ResponseEvent
from bot.errors import InvalidInput
from bot.rendering import buttons
from bot.rendering.buttons import AlertButton, SnoozeButton
from bot.services.alerts.alerts import AlertService, snooze_end
from bot.services.alerts.lifecycle import AlertResponder
from bot.services.filters.parser import LocalClock
from bot.slack.audit import AuditDraft
from bot.slack.conversations import Channel
from bot.slack.decorators import ActionListener, action, command, submission
from bot.slack.modals import Modal, SubmittedModal
from bot.slack.posting.alerts import AlertMessages
from bot.slack.reply import Reply
from bot.slack.users import CurrentUser
from bot.store.alerts import AlertStore


@command(
    "alerts open",
    "",
    "List this channel's failures that no one has claimed; in a direct message, those of all your "
    "alerts.",
    audit=None,
)
async def list_unclaimed(
    caller: Caller,
    alert_store: AlertStore,
    alert_responder: AlertResponder,
    channel: Channel,
    reply: Reply,
) -> None:
    if channel.is_direct:
        alerts = await alert_store.of_owner(caller)
    else:
        alerts = await alert_store.of_channel(caller.team_id, channel.id)
    found = await alert_responder.unclaimed_or_snoozed(alerts)
    await reply(
        "alerts/open",
        messages=[one for one in found if not one.snoozed_until],
        snoozed=[one for one in found if one.snoozed_until],
        is_direct=channel.is_direct,
        alerts=alerts,
    )


def _responding(action_id: str, event: ResponseEvent, audit: AuditEvent) -> ActionListener:
    """The listener of a button that responds to the failures of a message."""

    @action(action_id, audit=audit, for_members=True)
    async def respond(
        button: AlertButton,
        caller: Caller,
        alerts: AlertService,
        alert_responder: AlertResponder,
        alert_messages: AlertMessages,
        channel: Channel,
        reply: Reply,
        audit_entry: AuditDraft,
    ) -> None:
        """Show everyone the change; if another person was faster, tell the user instead."""
        alert = await alerts.get_in_channel(channel.id, button.alert_id)
        responded = await alert_responder.respond(alert, channel.message_ts, event, caller.user_id)
        audit_entry.about_alerts([alert] if responded.is_changed else [])
        if responded.is_changed:
            await alert_messages.try_to_show_state(alert, responded.response.ts)
        else:
            last = responded.response.last
            is_own = last is not None and last.by == caller.user_id
            await reply("alerts/open.unchanged", step=last, is_own=is_own)

    return respond


claim = _responding(buttons.ALERTS_OPEN_CLAIM, "claim", AuditEvent.ALERT_CLAIMED)
resolve = _responding(buttons.ALERTS_OPEN_RESOLVE, "resolve", AuditEvent.ALERT_RESOLVED)
reopen = _responding(buttons.ALERTS_OPEN_REOPEN, "reopen", AuditEvent.ALERT_REOPENED)


@action(buttons.ALERTS_OPEN_SNOOZE, audit=AuditEvent.ALERT_SNOOZED, for_members=True)
async def snooze(
    button: SnoozeButton,
    clock: LocalClock,
    caller: Caller,
    alerts: AlertService,
    alert_responder: AlertResponder,
    alert_messages: AlertMessages,
    channel: Channel,
    audit_entry: AuditDraft,
) -> None:
    """Snooze one kind of failure for a while; everyone in the channel can do this."""
    alert = await alerts.get_in_channel(channel.id, button.alert_id)
    until = snooze_end(button.until, clock.now(), await clock.zone())
    await alert_responder.snooze(alert, channel.message_ts, button.job_id, until, caller.user_id)
    audit_entry.about_alerts([alert])
    await alert_messages.try_to_show_state(alert, channel.message_ts)


@action(buttons.ALERTS_OPEN_ASK_DATE, at_once=True, audit=None, for_members=True)
async def ask_for_date(button: SnoozeButton, channel: Channel, modal: Modal) -> None:
    await modal.open("alerts/open.snooze", state=replace(button, ts=channel.message_ts))


@submission(buttons.ALERTS_OPEN_SNOOZE_UNTIL, audit=AuditEvent.ALERT_SNOOZED, for_members=True)
async def snooze_until(
    metadata: SnoozeButton,
    values: Mapping[str, str],
    clock: LocalClock,
    user: CurrentUser,
    alerts: AlertService,
    alert_responder: AlertResponder,
    alert_messages: AlertMessages,
    modal: SubmittedModal,
    audit_entry: AuditDraft,
) -> None:
    alert = await alerts.get(metadata.alert_id)
    await user.must_be_in(alert.channel_id)
    try:
        until = snooze_end(values.get("date", ""), clock.now(), await clock.zone())
    except InvalidInput as error:
        audit_entry.refuse()
        await modal.errors("form_errors", problems={"date": error})
        return
    by, ts = user.caller.user_id, metadata.ts
    await alert_responder.snooze(alert, ts, metadata.job_id, until, by)
    audit_entry.about_alerts([alert])
    await modal.close()
    await alert_messages.try_to_show_state(alert, ts)


@action(buttons.ALERTS_OPEN_END_SNOOZE, audit=AuditEvent.ALERT_SNOOZE_ENDED, for_members=True)
async def end_snooze(
    button: AlertButton,
    alerts: AlertService,
    alert_responder: AlertResponder,
    alert_messages: AlertMessages,
    channel: Channel,
    audit_entry: AuditDraft,
) -> None:
    """End the snoozes of a message; the worker reports the failures meanwhile in its thread."""
    alert = await alerts.get_in_channel(channel.id, button.alert_id)
    ended = await alert_responder.end_snoozes(alert, channel.message_ts)
    audit_entry.about_alerts([alert] if ended.is_changed else [])
    await alert_messages.try_to_show_state(alert, channel.message_ts)
