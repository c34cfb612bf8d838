"""/emporix jobs get <id> — one job, whole; the id may be in a link to the dashboard."""

from __future__ import annotations

import asyncio

from bot.domain.accounts import Account
from bot.errors import NotFound, Proposal
from bot.listeners.jobs import views
from bot.rendering import buttons
from bot.rendering.agent_message import MODAL_TEXT_LENGTH, agent_message_blocks, detect
from bot.rendering.buttons import JobButton
from bot.services.filters.parser import LocalClock
from bot.services.jobs import JobService
from bot.services.references import parse_job_id
from bot.slack.decorators import action, command
from bot.slack.files import Files, file_name
from bot.slack.modals import Modal
from bot.slack.reply import Reply


@command("jobs get", "<id>", "One job: every field it has and its whole agent message.", audit=None)
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


@action(buttons.JOBS_GET_OPEN, audit=None)
async def open_job(
    button: JobButton, account: Account, clock: LocalClock, jobs: JobService, reply: Reply
) -> None:
    card = await jobs.get(account, button.job_id, button.tenant)
    await reply("jobs/get", card=card, zone=await views.zone_name(account, clock))


@action(buttons.JOBS_GET_WHOLE, at_once=True, audit=None)
async def show_whole(
    button: JobButton, account: Account, jobs: JobService, modal: Modal, files: Files
) -> None:
    await modal.open("loading", step="message")
    card = await jobs.get(account, button.job_id, button.tenant)
    part = "response" if button.part == "response" else "message"
    text = card.job.response if part == "response" else card.job.message
    # So long a text takes tenths of a second, in which others are answered.
    layout = await asyncio.to_thread(agent_message_blocks, text, MODAL_TEXT_LENGTH)
    facts = {"job_id": card.job.id, "part": part}
    if layout.is_whole:
        await modal.update("jobs/get.whole", layout=layout, **facts)
    else:
        url = await files.share(*await asyncio.to_thread(_as_file, card.job.id, text))
        await modal.update("jobs/get.whole.file", length=layout.length, url=url, **facts)


def _as_file(job: str, text: str) -> tuple[str, str]:
    """The name of the file, and what stands in it."""
    found = detect(text)
    ending = {"json": "json", "markdown": "md"}.get(found.kind, "txt")
    return file_name("job", job, ending), found.words
