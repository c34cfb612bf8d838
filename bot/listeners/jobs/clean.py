"""/emporix jobs clean <filters> — deletes jobs in the background after the user types the count."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from bot.domain.accounts import Account, Caller
from bot.domain.audit import AuditEvent
from bot.domain.cleanups import Cleanup, CleanupProgress
from bot.errors import BotError, InvalidInput
from bot.rendering import buttons
from bot.rendering.buttons import CleanupButton
from bot.services.cleanups.cleanups import CleanupConfirmation, CleanupService
from bot.services.filters.parser import FilterResolver, LocalClock
from bot.slack.audit import AuditDraft
from bot.slack.conversations import Channel, Origin
from bot.slack.decorators import action, command, submission
from bot.slack.modals import Modal, SubmittedModal
from bot.slack.reply import Reply
from bot.store.ui_state import FormStore

logger = logging.getLogger(__name__)


@command(
    "jobs clean",
    "<filters>",
    "Delete all matching jobs, such as skipped until:2026-11-01, after you confirm.",
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
    preview = await cleanups.preview(account, await filter_resolver.parse(text, account, clock))
    template = "jobs/clean" if preview.cleanup.counted else "jobs/clean.none"
    await reply(template, preview=preview)


@action(buttons.JOBS_CLEAN_OPEN, at_once=True, audit=None)
async def open_form(
    button: CleanupButton, caller: Caller, forms: FormStore, origin: Origin, modal: Modal
) -> None:
    form = await forms.save(caller, origin.serialize())
    await modal.open(
        "jobs/clean.form",
        clean_id=button.clean_id,
        tenant=button.tenant,
        counted=button.counted,
        form=form,
        was=None,
    )


@action(buttons.JOBS_CLEAN_CANCEL, replaces=True, audit=None)
async def keep(reply: Reply) -> None:
    await reply("dismissed", replace=True, action="cleanup")


@submission(buttons.JOBS_CLEAN_SUBMIT, audit=AuditEvent.CLEANUP_STARTED)
async def begin(
    caller: Caller,
    metadata: CleanupButton,
    values: Mapping[str, str],
    cleanups: CleanupService,
    forms: FormStore,
    origin: Origin,
    modal: SubmittedModal,
    audit_entry: AuditDraft,
) -> None:
    audit_entry.subject = cleanup_id = metadata.clean_id
    audit_entry.tenant = metadata.tenant
    ((block_id, typed),) = values.items()
    confirming = cleanups.confirm(caller, cleanup_id, typed)
    try:
        confirmation = await modal.within_ack(confirming, "loading", step="cleanup")
        audit_entry.skip()  # the worker records the start
        await _show(confirmation, metadata.form, modal)
        if _is_settled(confirmation):
            await _replace_question(
                confirmation.cleanup, metadata.form, caller, forms, origin, modal
            )
    except InvalidInput as error:
        audit_entry.refuse(error)
        if modal.answered.is_set():
            raise
        await modal.errors("form_errors", problems={block_id: error})


@action(buttons.JOBS_CLEAN_STOP, audit=AuditEvent.CLEANUP_STOPPED)
async def stop(
    button: CleanupButton,
    caller: Caller,
    clock: LocalClock,
    cleanups: CleanupService,
    channel: Channel,
    reply: Reply,
    audit_entry: AuditDraft,
) -> None:
    audit_entry.subject = cleanup_id = button.clean_id
    progress = await cleanups.stop(caller, cleanup_id)
    audit_entry.about_cleanup(progress.cleanup)
    await _change(progress, str(await clock.zone() or ""), cleanups, channel, reply)


@action(buttons.JOBS_CLEAN_AGAIN, at_once=True, audit=None)
async def ask_again(
    button: CleanupButton, account: Account, cleanups: CleanupService, modal: Modal
) -> None:
    await modal.open("loading", step="cleanup")
    cleanup = await cleanups.count_remaining(account, button.clean_id)
    if cleanup.counted:
        await _ask(cleanup, None, "", modal)
    else:
        await modal.update("jobs/clean.begun", confirmation=CleanupConfirmation(cleanup))


async def _show(confirmation: CleanupConfirmation, form: str, modal: SubmittedModal) -> None:
    """Say that the clean-up started, or show the form again with the current number."""
    if _is_settled(confirmation):
        await modal.update("jobs/clean.begun", confirmation=confirmation)
    else:
        await _ask(confirmation.cleanup, confirmation.previous_count, form, modal)


def _is_settled(confirmation: CleanupConfirmation) -> bool:
    """Whether the clean-up started, or has nothing to delete."""
    return confirmation.previous_count is None or not confirmation.cleanup.counted


async def _replace_question(
    cleanup: Cleanup, form: str, caller: Caller, forms: FormStore, origin: Origin, modal: Modal
) -> None:
    """Show the outcome instead of the question, so that the user doesn't answer it again."""
    if not form:
        return
    try:
        saved = await forms.load(caller, form)
        message = modal.render("jobs/clean.outcome", cleanup=cleanup)
        is_replaced = await origin.reply_at(saved).post(message, replace=True)
    except BotError:
        is_replaced = False
    if not is_replaced:
        logger.info("the confirmation of a clean-up was not replaced by its outcome")


async def _ask(cleanup: Cleanup, was: int | None, form: str, modal: Modal) -> None:
    facts = {"clean_id": cleanup.id, "tenant": cleanup.tenant, "counted": cleanup.counted}
    await modal.update("jobs/clean.form", was=was, form=form, **facts)


async def _change(
    progress: CleanupProgress, zone: str, cleanups: CleanupService, channel: Channel, reply: Reply
) -> None:
    """Replace the clicked message, which the worker also updates, with the progress.

    If the worker posted the final report just before, the report is restored.
    """
    await _put(progress, zone, channel, reply)
    if not progress.cleanup.end_reason and (report := await cleanups.report(progress.cleanup.id)):
        await _put(report, zone, channel, reply)


async def _put(progress: CleanupProgress, zone: str, channel: Channel, reply: Reply) -> None:
    template = "jobs/clean.report" if progress.cleanup.end_reason else "jobs/clean.progress"
    if not await channel.edit(channel.render(template, progress=progress, zone=zone)):
        await reply(template, progress=progress, zone=zone)
