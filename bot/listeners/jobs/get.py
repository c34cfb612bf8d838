"""/emporix jobs get <id> — one job, whole; the id may be in a link to the dashboard."""

from __future__ import annotations

import asyncio

from bot.models import Account
from bot.say import buttons
from bot.say.agent_text import read
from bot.say.buttons import JobButton
from bot.say.layout import IN_MODAL, lay_out
from bot.services.job_ids import job_id
from bot.services.jobs import Jobs
from bot.slack.files import Files, file_name
from bot.slack.hear import action, command
from bot.slack.modals import Modal
from bot.slack.reply import Reply


@command("jobs get", "<id>", "One job: every field it has and its whole agent message.", audit=None)
async def get_job(text: str, account: Account, jobs: Jobs, reply: Reply) -> None:
    await reply("jobs/get", card=await jobs.get(account, job_id(text)))


@action(buttons.JOBS_GET_OPEN, audit=None)
async def open_job(button: JobButton, account: Account, jobs: Jobs, reply: Reply) -> None:
    card = await jobs.get(account, button.job_id, button.tenant)
    await reply("jobs/get", card=card)


@action(buttons.JOBS_GET_WHOLE, at_once=True, audit=None)
async def show_whole(
    button: JobButton, account: Account, jobs: Jobs, modal: Modal, files: Files
) -> None:
    await modal.open("jobs/get.whole.opening")
    card = await jobs.get(account, button.job_id, button.tenant)
    part = "response" if button.part == "response" else "message"
    text = card.job.response if part == "response" else card.job.message
    # So long a text takes tenths of a second, in which others are answered.
    layout = await asyncio.to_thread(lay_out, text, IN_MODAL)
    facts = {"job_id": card.job.id, "part": part}
    if layout.is_whole:
        await modal.update("jobs/get.whole", layout=layout, **facts)
    else:
        url = await files.share(*await asyncio.to_thread(_as_file, card.job.id, text))
        await modal.update("jobs/get.whole.file", length=layout.length, url=url, **facts)


def _as_file(job: str, text: str) -> tuple[str, str]:
    """The name of the file, and what stands in it."""
    found = read(text)
    ending = {"json": "json", "markdown": "md"}.get(found.kind, "txt")
    return file_name("job", job, ending), found.words
