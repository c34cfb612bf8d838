"""Delete Emporix jobs, on a message — a list to tick, a question, and then each by itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.errors import BotError, OutdatedButton
from bot.listeners.jobs.delete_shared import show_deleted
from bot.models import Account, Caller
from bot.say import ids
from bot.say.found_rows import with_buttons_replaced
from bot.say.rows import shared_jobs
from bot.say.state import unpack
from bot.services.accounts import Accounts
from bot.services.finding import Finding
from bot.services.several_deletes import Outcome, delete_each
from bot.services.shared_deletes import SharedDeletes
from bot.slack.hear import action, shortcut, submission
from bot.slack.home import HomeTab
from bot.slack.message_texts import texts
from bot.slack.modals import Modal, SubmittedModal
from bot.slack.place import Place
from bot.slack.reply import Reply
from bot.store.audit_events import AuditEvent
from bot.store.forms import FormStore

GONE = ("deleted", "already_gone")

LONGEST = 1500
"""Letters that the question can remember of the jobs it is about."""


@shortcut(
    ids.JOBS_DELETE_FOUND_START,
    "Delete Emporix jobs",
    "The jobs that a message names, to be ticked and deleted after a question",
    kind="message",
    audit=None,
)
async def start(
    account: Account,
    finding: Finding,
    shared_deletes: SharedDeletes,
    forms: FormStore,
    place: Place,
    modal: Modal,
) -> None:
    await modal.open("jobs/find.looking")
    shared_deletes.admit()
    findings = await finding.find(account, texts(place.message))
    form = await keep_original(account, forms, place) if findings.named else ""
    await modal.update("jobs/delete_found", findings=findings, form=form)


@action(ids.JOBS_DELETE_FOUND_ASK, at_once=True, audit=None)
async def ask_about_one(
    value: str, memory: str, caller: Caller, forms: FormStore, modal: Modal
) -> None:
    state = unpack(value, ids.STATE_JOB)
    form = str(unpack(memory, ids.STATE_PLACE).get("form", "")) if memory else ""
    jobs = [f"{state['tenant']}/{state['job']}"]
    below = await forms.keep(caller, modal.below())
    await modal.open("jobs/delete_found.ask", jobs=jobs, form=form, below=below, is_list=False)


@submission(ids.JOBS_DELETE_FOUND_CHOSEN, audit=None)
async def ask_about_chosen(
    choices: Mapping[str, tuple[str, ...]], memory: str, modal: SubmittedModal
) -> None:
    if not choices:
        raise OutdatedButton
    jobs = [job for ticked in choices.values() for job in ticked]
    if not jobs or len("\n".join(jobs)) > LONGEST:
        await modal.errors("jobs/delete_found.errors", field=min(choices), is_none=not jobs)
        return
    form = str(unpack(memory, ids.STATE_FORM)["form"])
    await modal.push("jobs/delete_found.ask", jobs=jobs, form=form, below="", is_list=True)


@submission(ids.JOBS_DELETE_FOUND_CONFIRM, audit=AuditEvent.JOB_DELETED)
async def delete(
    caller: Caller,
    memory: str,
    accounts: Accounts,
    shared_deletes: SharedDeletes,
    forms: FormStore,
    place: Place,
    home: HomeTab,
    modal: SubmittedModal,
    reply: Reply,
) -> None:
    state = unpack(memory, ids.STATE_DELETE)
    jobs = [_job(line) for line in str(state["jobs"]).split("\n")]
    await modal.update("jobs/delete_found.running", done=0, total=len(jobs))
    account = await accounts.of(caller)
    outcomes: list[Outcome] = []
    async for outcome in delete_each(shared_deletes, account, jobs):
        outcomes.append(outcome)
        await modal.tell("jobs/delete_found.running", done=len(outcomes), total=len(jobs))
    changed = await _change_original(str(state["form"]), caller, shared_deletes, forms, place)
    is_list = bool(state["list"])
    if not await modal.tell(
        "jobs/delete_found.done", outcomes=outcomes, changed=changed, is_list=is_list
    ):  # closed meanwhile
        await reply("jobs/delete_found.told", outcomes=outcomes, changed=changed)
    await _change_below(str(state.get("below", "")), outcomes[0], caller, forms, modal)
    await home.keep_up(*{tenant for tenant, _ in jobs})


async def keep_original(account: Account, forms: FormStore, place: Place) -> str:
    """The key of what it takes to change the message; "" where it is not ours, or shows no jobs."""
    blocks = place.message.get("blocks")
    if not place.is_ours or not isinstance(blocks, Sequence) or not shared_jobs(blocks):
        return ""
    message = {"text": place.message.get("text") or "…", "blocks": blocks}
    return await forms.keep(account.caller, {**place.kept(), "message": message})


async def _change_original(
    form: str, caller: Caller, shared_deletes: SharedDeletes, forms: FormStore, place: Place
) -> bool:
    """Show everyone who deleted what; False where the message stays as it was."""
    if not form:
        return True
    try:
        kept = await forms.load(caller, form)
        channel = place.channel_at(
            kept["channel_id"], message_ts=kept["message_ts"], message=kept["message"]
        )
        return await show_deleted(caller, shared_deletes, channel)
    except BotError:  # the jobs are deleted, whatever becomes of the message
        return False


async def _change_below(
    key: str, outcome: Outcome, caller: Caller, forms: FormStore, modal: Modal
) -> None:
    """The modal that it was asked from does not show the job as if it were there."""
    if not key or outcome.result not in GONE:
        return
    try:
        kept = await forms.load(caller, key)
    except BotError:  # the job is deleted, whatever becomes of the modal
        return
    line = modal.render("jobs/delete_found.line", already_gone=outcome.result != "deleted")
    blocks = with_buttons_replaced(kept["blocks"], outcome.tenant, outcome.job_id, line["blocks"])
    await modal.change_below(kept, blocks)


def _job(line: str) -> tuple[str, str]:
    tenant, _, job_id = line.partition("/")
    return tenant, job_id
