"""/emporix audit — recent changes and running clean-ups, for workspace administrators."""

from __future__ import annotations

from bot.domain.accounts import Caller
from bot.domain.audit import AuditEvent
from bot.errors import AdminsOnly
from bot.rendering import buttons
from bot.rendering.buttons import CleanupButton
from bot.services.cleanups.cleanups import CleanupService
from bot.slack.audit import AuditDraft
from bot.slack.decorators import action, command
from bot.slack.reply import Reply
from bot.slack.users import CurrentUser
from bot.store.audit import AuditLog

MAX_ENTRIES_SHOWN = 20


@command(
    "audit",
    "",
    "Show recent changes; for workspace administrators.",
    audit=AuditEvent.AUDIT_READ,
)
async def show_audit(
    caller: Caller, user: CurrentUser, audit: AuditLog, cleanups: CleanupService, reply: Reply
) -> None:
    if not await user.is_admin():
        raise AdminsOnly
    running = (await cleanups.list_running(caller))[:MAX_ENTRIES_SHOWN]
    await reply("audit", entries=await audit.latest(caller, MAX_ENTRIES_SHOWN), running=running)


@action(buttons.AUDIT_STOP, audit=AuditEvent.CLEANUP_STOPPED)
async def stop(
    button: CleanupButton,
    caller: Caller,
    user: CurrentUser,
    cleanups: CleanupService,
    reply: Reply,
    audit_entry: AuditDraft,
) -> None:
    audit_entry.subject = cleanup_id = button.clean_id
    if not await user.is_admin():
        raise AdminsOnly
    cleanup, is_stopping = await cleanups.stop_as_administrator(caller, cleanup_id)
    audit_entry.about_cleanup(cleanup)
    if not is_stopping:
        audit_entry.skip()
    await reply("audit.stopping", clean=cleanup, is_stopping=is_stopping)
