"""Delete in a channel — with the presser's own rights; everyone sees in place who deleted it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.errors import StoreUnavailable
from bot.models import Account, Caller
from bot.say import buttons
from bot.say.buttons import JobButton
from bot.say.rows import jobs_in_rows, shared_jobs, with_rows_replaced
from bot.services.shared_deletes import SharedDeletes
from bot.slack.channel import Channel
from bot.slack.hear import action
from bot.slack.reply import Reply
from bot.store.audit_events import AuditEvent
from bot.store.deletions import DeletedJob


@action(buttons.JOBS_DELETE_SHARED_CONFIRM, audit=AuditEvent.JOB_DELETED)
async def delete_shared_job(
    button: JobButton,
    account: Account,
    shared_deletes: SharedDeletes,
    channel: Channel,
    reply: Reply,
) -> None:
    deleted = await shared_deletes.delete(account, button.job_id, button.tenant)
    try:
        edited = await _edit(
            deleted, account.caller, shared_deletes, channel, in_list=bool(button.row)
        )
    except StoreUnavailable:  # the job is deleted, whatever becomes of the message
        edited = False
    if not edited:
        await reply("jobs/delete_shared", deleted=deleted)


async def show_deleted(caller: Caller, shared_deletes: SharedDeletes, channel: Channel) -> bool:
    """Show everyone what is deleted of a shared message; False where Slack refuses."""
    blocks = channel.message["blocks"]
    known = await shared_deletes.known(caller, shared_jobs(blocks))
    deleted = next(iter(known.values()), None)
    if deleted is None:
        return True
    in_list = bool(jobs_in_rows(blocks))
    return await _edit(deleted, caller, shared_deletes, channel, in_list=in_list)


async def _edit(
    deleted: DeletedJob,
    caller: Caller,
    shared_deletes: SharedDeletes,
    channel: Channel,
    *,
    in_list: bool,
) -> bool:
    """Show everyone who deleted the job, in its place; False where Slack refuses."""
    async with shared_deletes.editing(caller, channel.place):
        if in_list:
            return await channel.edit(await _in_its_list(caller, shared_deletes, channel))
        return await channel.edit(channel.render("jobs/delete_shared", deleted=deleted))


async def _in_its_list(
    caller: Caller, shared_deletes: SharedDeletes, channel: Channel
) -> dict[str, Any]:
    """The list as everyone sees it, with a line in the place of each job that was deleted.

    The click shows us the list as it was then; jobs that others have deleted since are looked up,
    too, or this change would bring their rows back.
    """
    jobs = jobs_in_rows(channel.message["blocks"])
    known = await shared_deletes.known(caller, list(jobs.values()))
    lines = {row: [_line(channel, known[job])] for row, job in jobs.items() if job in known}
    blocks = with_rows_replaced(channel.message["blocks"], lines)
    return {"text": channel.message["text"], "blocks": blocks}


def _line(channel: Channel, deleted: DeletedJob) -> Mapping[str, Any]:
    line: Mapping[str, Any] = channel.render("jobs/delete_shared", deleted=deleted)["blocks"][0]
    return line
