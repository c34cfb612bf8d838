"""Delete Emporix jobs (message shortcut) — select jobs, confirm, and delete them one by one.

The Delete button in a modal uses the same confirmation for one job.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bot.domain.accounts import Account, Caller
from bot.domain.audit import AuditEvent
from bot.errors import BotError, OutdatedButton
from bot.listeners.jobs import views
from bot.rendering import buttons
from bot.rendering.buttons import JobButton, JobsButton, ModalOrigin, decode
from bot.rendering.message_rows import job_heading, with_buttons_replaced
from bot.services.accounts import AccountService
from bot.services.deletes import DeleteOutcome, SharedDeletes, delete_each
from bot.services.find_jobs import JobFinder
from bot.services.jobs import JobService
from bot.slack.conversations import Origin
from bot.slack.decorators import action, shortcut, submission
from bot.slack.home import HomeTab
from bot.slack.modals import Modal, SubmittedModal
from bot.slack.reply import Reply
from bot.slack.request import message_texts
from bot.store.ui_state import FormStore

logger = logging.getLogger(__name__)

GONE = ("deleted", "already_gone")

MAX_METADATA_CHARACTERS = 1500
"""The maximum length of the job ids in the metadata of the confirmation modal."""


@shortcut(
    buttons.JOBS_DELETE_MENTIONED_START,
    "Delete Emporix jobs",
    "Select jobs that a message mentions, and delete them after you confirm",
    kind="message",
    audit=None,
)
async def start(
    account: Account,
    job_finder: JobFinder,
    shared_deletes: SharedDeletes,
    forms: FormStore,
    origin: Origin,
    modal: Modal,
) -> None:
    await modal.open("loading", step="job")
    shared_deletes.admit()
    texts = message_texts(origin.message)
    findings = await job_finder.find(account, texts)
    if findings.by_id:
        form = await views.keep_original(account, forms, origin)
    else:  # for `find_instead`
        form = await forms.save(account.caller, {**origin.serialize(), "texts": texts})
    await modal.update("jobs/delete_mentioned", findings=findings, form=form)


@action(buttons.JOBS_DELETE_MENTIONED_SELECT, audit=None)
async def count_selected(choices: Mapping[str, tuple[str, ...]], modal: Modal) -> None:
    """Show the number of selected jobs on the button.

    The first field is not required if jobs are selected in another one.
    """
    shown = modal.snapshot()
    count = sum(map(len, choices.values()))
    button = modal.render("jobs/delete_mentioned.submit", count=count)
    first = min(choices)
    others = count > len(choices[first])
    blocks = [
        {**block, "optional": others} if block.get("block_id") == first else block
        for block in shown["view"]["blocks"]
    ]
    # No hash: with it, Slack would refuse the second of two concurrent updates.
    await modal.update_other(
        shown["id"], {**shown["view"], "submit": button["submit"], "blocks": blocks}
    )


@action(buttons.JOBS_DELETE_MENTIONED_ASK, at_once=True, audit=None)
async def confirm_one(
    button: JobButton, metadata: ModalOrigin | None, caller: Caller, forms: FormStore, modal: Modal
) -> None:
    form = metadata.form if metadata else ""
    jobs = [f"{button.tenant}/{button.job_id}"]
    opened = modal.snapshot()
    below = await forms.save(caller, opened)
    question = modal.render(
        "jobs/delete_mentioned.ask", jobs=jobs, form=form, below=below, is_list=False
    )
    question["blocks"][1:1] = job_heading(opened["view"]["blocks"])  # not only its id
    await modal.open_view(question)


@submission(buttons.JOBS_DELETE_MENTIONED_CHOSEN, audit=None)
async def confirm_selected(
    choices: Mapping[str, tuple[str, ...]], metadata: ModalOrigin, modal: SubmittedModal
) -> None:
    if not choices:
        raise OutdatedButton
    jobs = [job for selected in choices.values() for job in selected]
    if not jobs or len("\n".join(jobs)) > MAX_METADATA_CHARACTERS:
        await modal.errors("jobs/delete_mentioned.errors", field=min(choices), is_none=not jobs)
        return
    await modal.push(
        "jobs/delete_mentioned.ask", jobs=jobs, form=metadata.form, below="", is_list=True
    )


@submission(buttons.JOBS_DELETE_MENTIONED_CONFIRM, audit=AuditEvent.JOB_DELETED)
async def delete(
    caller: Caller,
    metadata: JobsButton,
    accounts: AccountService,
    shared_deletes: SharedDeletes,
    jobs: JobService,
    forms: FormStore,
    origin: Origin,
    home: HomeTab,
    modal: SubmittedModal,
    reply: Reply,
) -> None:
    pairs = metadata.pairs
    await modal.update("jobs/delete_mentioned.running", done=0, total=len(pairs))
    account = await accounts.load(caller)
    outcomes: list[DeleteOutcome] = []
    async for outcome in delete_each(shared_deletes, account, pairs):
        outcomes.append(outcome)
        await modal.try_update(
            "jobs/delete_mentioned.running", done=len(outcomes), total=len(pairs)
        )
    changed = await _update_message(metadata.form, caller, shared_deletes, forms, origin)
    if not await modal.try_update(
        "jobs/delete_mentioned.done", outcomes=outcomes, changed=changed, is_list=metadata.is_list
    ):  # the modal was closed
        await reply("jobs/delete_mentioned.result", outcomes=outcomes, changed=changed)
    if metadata.below and outcomes[0].result in GONE:
        await _update_modal_below(
            metadata.below, outcomes[0], account, jobs, shared_deletes, forms, origin, modal
        )
    await home.refresh_if_open(*{tenant for tenant, _ in pairs})


async def _update_message(
    form: str, caller: Caller, shared_deletes: SharedDeletes, forms: FormStore, origin: Origin
) -> bool:
    """Show in the message who deleted the jobs; return False if it couldn't be updated.

    A private list is updated later, when the modal above it is closed.
    """
    try:
        saved = await forms.load(caller, form) if form else {}
        if saved.get("original"):  # the job was opened from the jobs found in a message
            saved = await forms.load(caller, saved["original"])
        if "message" not in saved:
            return True
        channel = origin.channel_at(
            saved["channel_id"], message_ts=saved["message_ts"], message=saved["message"]
        )
        return await views.show_deleted(caller, shared_deletes, channel)
    except BotError:  # the jobs are deleted, even if the message can't be updated
        return False


async def _update_modal_below(
    key: str,
    outcome: DeleteOutcome,
    account: Account,
    jobs: JobService,
    shared_deletes: SharedDeletes,
    forms: FormStore,
    origin: Origin,
    modal: Modal,
) -> None:
    """Remove the deleted job's buttons from the modal below, and mark that modal as changed.

    If that modal was closed in the meantime, the list behind it is updated now.
    """
    try:
        saved = await forms.load(account.caller, key)
        line = modal.render("jobs/delete_mentioned.line", already_gone=outcome.result != "deleted")
        view = saved["view"]
        gone = (outcome.tenant, outcome.job_id)
        view["blocks"] = with_buttons_replaced(view["blocks"], *gone, line["blocks"])
        opened = _origin_of(view)
        if opened:
            view["private_metadata"] = replace(opened, is_changed=True).value
        if not await modal.update_other(saved["id"], view, saved["hash"]) and opened:
            await views.update_list(opened, account, jobs, shared_deletes, forms, origin, modal)
    except BotError as error:  # the job is deleted, even if the modals can't be updated
        logger.info("the modal below was not updated: %s", type(error).__name__)


def _origin_of(view: Mapping[str, Any]) -> ModalOrigin | None:
    """Return where the modal's job was opened; None if the modal doesn't show a job."""
    if view.get("callback_id") != buttons.JOBS_GET_CLOSED:
        return None
    return decode(view["private_metadata"], ModalOrigin)
