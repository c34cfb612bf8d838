"""/emporix jobs unwatch <id> — you will not hear of that job's end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from bot.models import Caller
from bot.say import buttons
from bot.say.buttons import JobButton
from bot.services.job_ids import job_id
from bot.services.watches.watching import Watching
from bot.slack.auditing import AuditDraft
from bot.slack.hear import action, command
from bot.slack.reply import Reply
from bot.store.audit_events import AuditEvent


@command("jobs unwatch", "<id>", "Stop watching a job.", audit=AuditEvent.WATCH_STOPPED)
async def unwatch(
    text: str, caller: Caller, watching: Watching, reply: Reply, audit_entry: AuditDraft
) -> None:
    await _stop("", job_id(text), caller, watching, audit_entry, reply)


@action(buttons.JOBS_UNWATCH_STOP, replaces=True, audit=AuditEvent.WATCH_STOPPED)
async def stop(
    button: JobButton, caller: Caller, watching: Watching, reply: Reply, audit_entry: AuditDraft
) -> None:
    tenant, wanted = button.tenant, button.job_id
    await _stop(tenant, wanted, caller, watching, audit_entry, partial(reply, replace=True))


async def _stop(
    tenant: str,
    wanted: str,
    caller: Caller,
    watching: Watching,
    audit_entry: AuditDraft,
    reply: Callable[..., Awaitable[None]],
) -> None:
    audit_entry.tenant, audit_entry.subject = tenant, wanted
    stopped = await watching.stop(caller, tenant, wanted)
    if not stopped:
        audit_entry.skip()
    await reply("jobs/unwatch", job_id=wanted, stopped=stopped)
