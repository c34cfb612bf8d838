"""/emporix jobs clean <filters> — counts, asks for the number, and deletes in the background."""

from __future__ import annotations

from collections.abc import Mapping

from bot.domain.accounts import Account, Caller
from bot.domain.audit import AuditEvent
from bot.domain.cleanups import Cleanup, CleanupProgress
from bot.errors import InvalidInput
from bot.rendering import buttons
from bot.rendering.buttons import CleanupButton
from bot.services.cleanups.cleanups import CleanupService, Confirmation
from bot.services.filters.parser import LocalClock
from bot.services.filters.resolve import FilterResolver
from bot.slack.audit import AuditDraft
from bot.slack.conversations import Channel
from bot.slack.decorators import action, command, submission
from bot.slack.modals import Modal, SubmittedModal
from bot.slack.reply import Reply


@command(
    "jobs clean",
    "<filters>",
    "Delete all jobs that fit, as skipped until:2026-11-01, after counting them and asking.",
    audit=None,
)
async def ask(
    text: str,
    account: Account,
    clock: LocalClock,
    filter_resolver: FilterResolver,
    cleanups: CleanupService,
    reply: Reply,
) -> None:
    preview = await cleanups.look(account, await filter_resolver.read(text, account, clock))
    template = "jobs/clean" if preview.clean.counted else "jobs/clean.none"
    await reply(template, preview=preview)


@action(buttons.JOBS_CLEAN_OPEN, at_once=True, audit=None)
async def open_form(button: CleanupButton, modal: Modal) -> None:
    await modal.open(
        "jobs/clean.form",
        clean_id=button.clean_id,
        tenant=button.tenant,
        counted=button.counted,
        was=None,
    )


@action(buttons.JOBS_CLEAN_KEEP, replaces=True, audit=None)
async def keep(reply: Reply) -> None:
    await reply("jobs/clean.kept", replace=True)


@submission(buttons.JOBS_CLEAN_SUBMIT, audit=AuditEvent.CLEANUP_STARTED)
async def begin(
    caller: Caller,
    metadata: CleanupButton,
    values: Mapping[str, str],
    cleanups: CleanupService,
    modal: SubmittedModal,
    audit_entry: AuditDraft,
) -> None:
    audit_entry.subject = clean_id = metadata.clean_id
    audit_entry.tenant = metadata.tenant
    ((block_id, typed),) = values.items()
    confirming = cleanups.confirm(caller, clean_id, typed)
    try:
        confirmation = await modal.within_ack(confirming, "jobs/clean.checking")
        audit_entry.skip()  # the worker records it when it begins
        await _show(confirmation, modal)
    except InvalidInput as error:
        audit_entry.refuse(error)
        if modal.answered.is_set():
            raise
        await modal.errors("jobs/clean.errors", error=error, block_id=block_id)


@action(buttons.JOBS_CLEAN_STOP, audit=AuditEvent.CLEANUP_STOPPED)
async def stop(
    button: CleanupButton,
    caller: Caller,
    cleanups: CleanupService,
    channel: Channel,
    reply: Reply,
    audit_entry: AuditDraft,
) -> None:
    audit_entry.subject = clean_id = button.clean_id
    progress = await cleanups.stop(caller, clean_id)
    audit_entry.about_clean(progress.cleanup)
    await _change(progress, cleanups, channel, reply)


@action(buttons.JOBS_CLEAN_AGAIN, at_once=True, audit=None)
async def ask_again(
    button: CleanupButton, account: Account, cleanups: CleanupService, modal: Modal
) -> None:
    await modal.open("jobs/clean.checking")
    clean = await cleanups.ask_again(account, button.clean_id)
    if clean.counted:
        await _ask(clean, None, modal)
    else:
        await modal.update("jobs/clean.begun", confirmation=Confirmation(clean))


async def _show(confirmation: Confirmation, modal: SubmittedModal) -> None:
    """That it has begun, or the form once more with the number as it is now."""
    clean, was = confirmation.clean, confirmation.was
    if was is None or not clean.counted:
        await modal.update("jobs/clean.begun", confirmation=confirmation)
    else:
        await _ask(clean, was, modal)


async def _ask(clean: Cleanup, was: int | None, modal: Modal) -> None:
    facts = {"clean_id": clean.id, "tenant": clean.tenant, "counted": clean.counted}
    await modal.update("jobs/clean.form", was=was, **facts)


async def _change(
    progress: CleanupProgress, cleanups: CleanupService, channel: Channel, reply: Reply
) -> None:
    """In the place of the pressed message, which the worker changes as it goes.

    Its report may have come just before, and nothing comes after a report: so it is put back.
    """
    await _put(progress, channel, reply)
    if not progress.cleanup.end_reason and (report := await cleanups.report(progress.cleanup.id)):
        await _put(report, channel, reply)


async def _put(progress: CleanupProgress, channel: Channel, reply: Reply) -> None:
    template = "jobs/clean.report" if progress.cleanup.end_reason else "jobs/clean.progress"
    if not await channel.edit(channel.render(template, progress=progress)):
        await reply(template, progress=progress)
