"""/emporix jobs get <id>, and the modal of the Open buttons: one job, with its neighbors."""

from __future__ import annotations

import asyncio

from bot.domain.accounts import Account
from bot.domain.lists import ListCursor
from bot.errors import NotFound, OutdatedButton, Proposal
from bot.listeners.jobs import views
from bot.rendering import buttons
from bot.rendering.agent_message import MODAL_TEXT_LENGTH, agent_message_blocks, detect
from bot.rendering.buttons import JobButton, ModalOrigin
from bot.services.deletes import SharedDeletes
from bot.services.filters.parser import LocalClock
from bot.services.jobs import JobService
from bot.services.references import parse_job_id
from bot.services.session_logs import SessionLogs
from bot.slack.conversations import Files, Origin, file_name
from bot.slack.decorators import action, closing, command
from bot.slack.modals import Modal
from bot.slack.reply import Reply
from bot.store.ui_state import FormStore
from bot.store.watches import WatchStore


@command("jobs get", "<id>", "Show a job with its whole agent message and its details.", audit=None)
async def get_job(
    text: str,
    account: Account,
    clock: LocalClock,
    jobs: JobService,
    reply: Reply,
    proposal: Proposal | None,
) -> None:
    try:
        card = await jobs.get(account, parse_job_id(text))
    except NotFound as error:
        error.proposals = (proposal,) if proposal else ()
        raise
    zone = await views.zone_name(account, clock)
    await reply("jobs/get", card=card, zone=zone, proposal=proposal)


@action(buttons.JOBS_GET_OPEN, at_once=True, audit=None)
async def open_job(
    button: JobButton,
    account: Account,
    cursor: ListCursor | None,
    jobs: JobService,
    watch_store: WatchStore,
    session_logs: SessionLogs,
    forms: FormStore,
    origin: Origin,
    modal: Modal,
) -> None:
    below = modal.snapshot()
    await modal.open("loading", step="job")
    opened, is_watched = await views.save_origin(button, below, account.caller, forms, origin)
    shown = await views.show_job(
        button, opened, account, cursor, jobs, watch_store, modal, is_watched=is_watched
    )
    await views.add_log(shown, account, session_logs, modal)


@action(*buttons.JOBS_GET_STEPS, audit=None)
async def show_neighbor(
    button: JobButton,
    metadata: ModalOrigin,
    account: Account,
    cursor: ListCursor | None,
    jobs: JobService,
    watch_store: WatchStore,
    session_logs: SessionLogs,
    modal: Modal,
) -> None:
    if metadata.cursor and cursor is None:
        raise OutdatedButton
    shown = await views.show_job(button, metadata, account, cursor, jobs, watch_store, modal)
    await views.add_log(shown, account, session_logs, modal)


@action(buttons.JOBS_GET_DASHBOARD, audit=None)
async def open_dashboard() -> None:
    """Do nothing: Slack opens the link itself, but also sends the click."""


@closing(buttons.JOBS_GET_CLOSED, audit=None)
async def close_job(
    metadata: ModalOrigin,
    account: Account,
    jobs: JobService,
    shared_deletes: SharedDeletes,
    forms: FormStore,
    origin: Origin,
    modal: Modal,
) -> None:
    if metadata.is_changed:
        await views.update_list(metadata, account, jobs, shared_deletes, forms, origin, modal)


@action(buttons.JOBS_GET_WHOLE, at_once=True, audit=None)
async def show_whole(
    button: JobButton, account: Account, jobs: JobService, modal: Modal, files: Files
) -> None:
    await modal.open("loading", step="message")
    card = await jobs.get(account, button.job_id, button.tenant)
    part = "response" if button.part == "response" else "message"
    text = card.job.response if part == "response" else card.job.message
    # Parsing a long text takes tenths of a second, so it runs in a thread.
    layout = await asyncio.to_thread(agent_message_blocks, text, MODAL_TEXT_LENGTH)
    facts = {"job_id": card.job.id, "part": part}
    if layout.is_whole:
        await modal.update("jobs/get.whole", layout=layout, **facts)
    else:
        url = await files.share(*await asyncio.to_thread(_as_file, card.job.id, text))
        await modal.update("jobs/get.whole.file", length=layout.length, url=url, **facts)


def _as_file(job: str, text: str) -> tuple[str, str]:
    """Return the file name and the text."""
    found = detect(text)
    ending = {"json": "json", "markdown": "md"}.get(found.kind, "txt")
    return file_name("job", job, ending), found.words
