"""Delete in a channel — uses the clicking user's connection, and shows who deleted the job."""

from __future__ import annotations

from bot.domain.accounts import Account
from bot.domain.audit import AuditEvent
from bot.errors import StoreUnavailable
from bot.listeners.jobs import views
from bot.rendering import buttons
from bot.rendering.buttons import JobButton
from bot.rendering.message_rows import alert_with_response
from bot.services.alerts.lifecycle import AlertResponder
from bot.services.deletes import SharedDeletes
from bot.slack.conversations import Channel
from bot.slack.decorators import action
from bot.slack.reply import Reply


@action(buttons.JOBS_DELETE_IN_CHANNEL_CONFIRM, audit=AuditEvent.JOB_DELETED)
async def delete_shared_job(
    button: JobButton,
    account: Account,
    shared_deletes: SharedDeletes,
    alert_responder: AlertResponder,
    channel: Channel,
    reply: Reply,
) -> None:
    deleted = await shared_deletes.delete(account, button.job_id, button.tenant)
    try:
        edited = await views.show_deletion(
            deleted, account.caller, shared_deletes, channel, in_list=bool(button.row)
        )
        if alert_id := alert_with_response(channel.message.get("blocks") or ()):
            await alert_responder.mark_edited(alert_id, channel.message_ts)
    except StoreUnavailable:  # the job is deleted, even if the message can't be updated
        edited = False
    if not edited:
        await reply("jobs/delete_in_channel", deleted=deleted)
