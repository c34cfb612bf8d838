"""/emporix audit — the last deletes and the clean-ups under way; for administrators."""

from __future__ import annotations

from bot.errors import AdminsOnly
from bot.models import Caller
from bot.say import ids
from bot.say.state import unpack
from bot.services.cleans.cleaning import Cleaning
from bot.slack.hear import action, command
from bot.slack.people import People
from bot.slack.reply import Reply
from bot.store.audit import AuditLog

SHOWN = 20


@command("audit", "", "Who deleted which job lately; for administrators of the workspace.")
async def show_audit(
    caller: Caller, people: People, audit: AuditLog, cleaning: Cleaning, reply: Reply
) -> None:
    if not await people.is_admin():
        raise AdminsOnly
    running = (await cleaning.running(caller))[:SHOWN]
    await reply("audit", entries=await audit.last(caller, SHOWN), running=running)


@action(ids.AUDIT_STOP)
async def stop(
    value: str, caller: Caller, people: People, cleaning: Cleaning, reply: Reply
) -> None:
    if not await people.is_admin():
        raise AdminsOnly
    clean_id = str(unpack(value, ids.STATE_CLEAN)["clean"])
    clean, is_stopping = await cleaning.stop_any(caller, clean_id)
    await reply("audit.stopping", clean=clean, is_stopping=is_stopping)
