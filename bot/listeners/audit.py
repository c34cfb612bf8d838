"""/emporix audit — the last deletes in this workspace, refused ones too; for its administrators."""

from __future__ import annotations

from bot.errors import AdminsOnly
from bot.models import Caller
from bot.slack.hear import command
from bot.slack.people import People
from bot.slack.reply import Reply
from bot.store.audit import AuditLog

SHOWN = 20


@command("audit", "", "Who deleted which job lately; for administrators of the workspace.")
async def show_audit(caller: Caller, people: People, audit: AuditLog, reply: Reply) -> None:
    if not await people.is_admin():
        raise AdminsOnly
    await reply("audit", entries=await audit.last(caller, SHOWN))
