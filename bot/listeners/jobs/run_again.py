"""Run again… below a failed job — sends its message to the agent again, once confirmed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from bot.domain.accounts import Account, Caller
from bot.domain.audit import AuditEvent
from bot.domain.runs import Run
from bot.errors import (
    ActionNotAllowed,
    ActionsOff,
    BotError,
    Busy,
    EmporixError,
    InvalidInput,
    NotConnected,
    StoreUnavailable,
)
from bot.rendering import buttons
from bot.rendering.buttons import JobButton, RunButton
from bot.services.accounts import AccountService
from bot.services.jobs import JobCard
from bot.services.runs import MAX_SENT_LENGTH, MAX_TYPED_LENGTH, RunRequest, RunService
from bot.slack.conversations import Origin
from bot.slack.decorators import action, submission
from bot.slack.modals import Modal, SubmittedModal
from bot.slack.reply import Reply

RUN_REFUSALS = (
    *(EmporixError, Busy, StoreUnavailable, InvalidInput),
    *(NotConnected, ActionNotAllowed, ActionsOff),
)
"""Errors after which the agent was certainly not started, and the form stays."""


@action(buttons.JOBS_RUN_AGAIN_ASK, at_once=True, audit=None)
async def ask(
    button: JobButton, account: Account, runs: RunService, origin: Origin, modal: Modal
) -> None:
    runs.admit()
    await modal.open("loading", step="run")
    card = await runs.prepare(account, button.job_id, button.tenant)
    if card.run and not card.run.is_settled:
        await modal.update("jobs/run_again.done", **_result(card.run, account.caller))
        return
    channel_id, thread_ts = origin.thread
    state = RunButton(
        tenant=card.tenant,
        job_id=card.job.id,
        seen=card.run.attempt if card.run else 0,
        channel_id=channel_id,
        thread_ts=thread_ts,
    )
    await modal.update("jobs/run_again", **_form(card, state, _text_of(card, account.caller)))


def _text_of(card: JobCard, caller: Caller) -> str:
    """What was sent, unless it is longer than a field of a form.

    If the last attempt of the same user did not start the agent, their own text of that attempt.
    """
    if card.run and card.run.caller == caller and card.run.text:
        return card.run.text
    message = card.job.message
    return message if len(message) <= MAX_TYPED_LENGTH else ""


def _result(run: Run, caller: Caller, text: str = "", *, is_new: bool = True) -> dict[str, object]:
    """Template data; `is_new` is False if `text` was not sent, as another attempt came first."""
    return {"run": run, "user_id": caller.user_id, "is_new": is_new, "text": text}


def _form(
    card: JobCard, state: RunButton, text: str, error: BotError | None = None
) -> dict[str, object]:
    is_too_long = len(card.job.message) > MAX_SENT_LENGTH
    facts = {"card": card, "state": asdict(state), "text": text, "error": error}
    return facts | {"is_too_long": is_too_long}


@submission(buttons.JOBS_RUN_AGAIN_SUBMIT, audit=AuditEvent.JOB_RUN_AGAIN)
async def run_again(
    metadata: RunButton,
    values: Mapping[str, str],
    caller: Caller,
    accounts: AccountService,
    runs: RunService,
    modal: SubmittedModal,
    reply: Reply,
) -> None:
    request = RunRequest(text=values["text"], **asdict(metadata))
    try:
        account = await accounts.load(caller)
        result = await modal.within_ack(runs.start(account, request), "loading", step="run_start")
    except RUN_REFUSALS as error:
        if not modal.answered.is_set():
            await modal.errors("jobs/run_again.errors", error=error)
            return
        shown = await _show_unsent(account, metadata, request.text, error, runs, modal)
        if not shown:
            await reply("jobs/run_again.not_sent", request=request, run=None, error=error)
        return
    run = result.run
    facts = _result(run, caller, request.text, is_new=result.is_new)
    is_shown = await modal.try_update("jobs/run_again.done", **facts)
    if is_shown and run.state == "unknown" and run.caller == caller:
        await runs.mark_shown(run)
    if not is_shown and not result.is_new:
        await reply("jobs/run_again.not_sent", request=request, run=run, error=None)


async def _show_unsent(
    account: Account,
    state: RunButton,
    text: str,
    error: BotError,
    runs: RunService,
    modal: SubmittedModal,
) -> bool:
    """Show the form with the error, or only the message; False if the modal was closed."""
    try:
        card = await runs.prepare(account, state.job_id, state.tenant)
    except BotError:
        return await modal.try_update("jobs/run_again.unsent", error=error, text=text)
    return await modal.try_update("jobs/run_again", **_form(card, state, text, error))
