"""/emporix jobs delete <id> — shows the job and asks first; deleting cannot be undone."""

from __future__ import annotations

from bot.domain.accounts import Account
from bot.domain.audit import AuditEvent
from bot.domain.jobs import DeletedJob
from bot.errors import BotError
from bot.rendering import buttons
from bot.rendering.buttons import JobButton
from bot.services.deletes import SharedDeletes
from bot.services.jobs import JobService
from bot.services.references import parse_job_id
from bot.slack.decorators import action, command
from bot.slack.reply import Reply


@command("jobs delete", "<id>", "Delete a job, after showing it and asking.", audit=None)
async def ask(
    text: str, account: Account, shared_deletes: SharedDeletes, jobs: JobService, reply: Reply
) -> None:
    shared_deletes.admit()
    await reply("jobs/delete", card=await jobs.get(account, parse_job_id(text)))


@action(buttons.JOBS_DELETE_CONFIRM, replaces=True, audit=AuditEvent.JOB_DELETED)
async def delete_job(
    button: JobButton,
    account: Account,
    shared_deletes: SharedDeletes,
    jobs: JobService,
    reply: Reply,
) -> None:
    deletion = await shared_deletes.delete(account, button.job_id, button.tenant)
    if cursor := button.cursor:
        await _show_list(deletion, cursor, button.page, account, jobs, reply)
    else:
        await reply("jobs/delete.done", replace=True, deletion=_seen_by(account, deletion))


@action(buttons.JOBS_DELETE_KEEP, replaces=True, audit=None)
async def keep_job(button: JobButton, reply: Reply) -> None:
    await reply("dismissed", replace=True, action="delete_job", subject=button.job_id)


async def _show_list(
    deletion: DeletedJob, cursor: str, page: int, account: Account, jobs: JobService, reply: Reply
) -> None:
    """The page the button stood on, read again, with a word on top of it."""
    try:
        listing = await jobs.go_to_page(account, cursor, page)
    except BotError:  # the job is deleted, whatever becomes of the list
        await reply("jobs/delete.done", deletion=_seen_by(account, deletion))
        return
    await reply("jobs/list", replace=True, listing=listing, deletion=_seen_by(account, deletion))


def _seen_by(account: Account, deletion: DeletedJob) -> dict[str, object]:
    """`by` is the person who deleted it, where that is another one."""
    by = "" if deletion.user_id == account.caller.user_id else deletion.user_id
    gone = not deletion.user_id
    return {"job_id": deletion.job_id, "already_gone": gone, "by": by, "at": deletion.at}
