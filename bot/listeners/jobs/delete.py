"""/emporix jobs delete <id> — shows the job and asks for confirmation; a deletion is final."""

from __future__ import annotations

from bot.domain.accounts import Account
from bot.domain.audit import AuditEvent
from bot.domain.jobs import DeletedJob
from bot.errors import Proposal, UnknownCommand
from bot.rendering import buttons
from bot.rendering.buttons import JobButton
from bot.services.deletes import SharedDeletes
from bot.services.filters.reader import lists_jobs
from bot.services.jobs import JobService
from bot.services.references import parse_job_id
from bot.slack.decorators import action, command
from bot.slack.reply import Reply


@command("jobs delete", "<id>", "Delete a job, after showing it and asking.", audit=None)
async def ask(
    text: str, account: Account, shared_deletes: SharedDeletes, jobs: JobService, reply: Reply
) -> None:
    shared_deletes.admit()
    if lists_jobs(text) or lists_jobs(f"all {text} jobs"):
        raise UnknownCommand(f"jobs delete {text}", (Proposal(f"jobs clean {text}"),))
    await reply("jobs/delete", card=await jobs.get(account, parse_job_id(text)))


@action(buttons.JOBS_DELETE_CONFIRM, replaces=True, audit=AuditEvent.JOB_DELETED)
async def delete_job(
    button: JobButton,
    account: Account,
    shared_deletes: SharedDeletes,
    reply: Reply,
) -> None:
    deletion = await shared_deletes.delete(account, button.job_id, button.tenant)
    await reply("jobs/delete.done", replace=True, deletion=_reply_facts(account, deletion))


@action(buttons.JOBS_DELETE_CANCEL, replaces=True, audit=None)
async def keep_job(button: JobButton, reply: Reply) -> None:
    await reply("dismissed", replace=True, action="delete_job", subject=button.job_id)


def _reply_facts(account: Account, deletion: DeletedJob) -> dict[str, object]:
    """Return facts for the reply; `by` is the other user who deleted the job, or empty."""
    by = "" if deletion.user_id == account.caller.user_id else deletion.user_id
    gone = not deletion.user_id
    return {"job_id": deletion.job_id, "already_gone": gone, "by": by, "at": deletion.at}
