"""Download as CSV — sends all jobs of a private or shared list to the user who clicked."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import UTC, datetime

from bot.domain.accounts import Account
from bot.domain.jobs import Job
from bot.domain.lists import ListCursor
from bot.errors import NotFound
from bot.rendering import buttons
from bot.rendering.buttons import JobsButton, ListButton
from bot.rendering.jobs_csv import csv_text
from bot.services.exports import CompleteList, CsvExport, ListRequest
from bot.services.jobs import JobService
from bot.slack.conversations import Files, file_name
from bot.slack.decorators import action
from bot.slack.loading import ModalProgress
from bot.slack.modals import Modal


@action(buttons.JOBS_CSV_DOWNLOAD, at_once=True, audit=None)
async def download_csv(
    button: ListButton,
    account: Account,
    cursor: ListCursor | None,
    csv_export: CsvExport,
    modal: Modal,
    files: Files,
) -> None:
    wanted = ListRequest(button.cursor, button.query, cursor=cursor)
    await _send_csv(wanted, account, csv_export, modal, files)


@action(buttons.JOBS_CSV_DOWNLOAD_SHARED, at_once=True, audit=None)
async def download_shared_csv(
    button: ListButton, account: Account, csv_export: CsvExport, modal: Modal, files: Files
) -> None:
    """Read the list again with the permissions of the user who clicked."""
    wanted = ListRequest(button.cursor, button.query, owner=button.owner)
    await _send_csv(wanted, account, csv_export, modal, files)


@action(buttons.JOBS_CSV_DOWNLOAD_JOBS, at_once=True, audit=None)
async def download_jobs(
    button: JobsButton, account: Account, jobs: JobService, modal: Modal, files: Files
) -> None:
    """Send the selected jobs before they are deleted, without those that no longer exist."""
    wanted = button.pairs
    await modal.open("jobs/csv.collecting", done=0, total=None)
    found: list[Job] = []
    progress = ModalProgress(modal, "jobs/csv.collecting")
    for tenant, job_id in wanted:
        with suppress(NotFound):
            found.append((await jobs.get(account, job_id, tenant)).job)
        await progress(len(found), len(wanted))
    url = ""
    if found:
        text = await asyncio.to_thread(csv_text, found)
        url = await files.share(file_name("jobs", "-".join(wanted[0]), "csv"), text)
    await modal.update("jobs/csv.jobs", count=len(found), gone=len(wanted) - len(found), url=url)


async def _send_csv(
    wanted: ListRequest, account: Account, csv_export: CsvExport, modal: Modal, files: Files
) -> None:
    await modal.open("jobs/csv.collecting", done=0, total=None)
    found = await csv_export.read(account, wanted, ModalProgress(modal, "jobs/csv.collecting"))
    # Formatting 5,000 jobs takes tenths of a second; a thread keeps the event loop free.
    text = await asyncio.to_thread(csv_text, found.jobs)
    url = await files.share(_name(found), text)
    await modal.update("jobs/csv", found=found, count=len(found.jobs), url=url)


def _name(found: CompleteList) -> str:
    """A file name such as `jobs-acme-2026-11-25-0330.csv`, with the time in UTC."""
    read_at = datetime.fromtimestamp(found.read_at, UTC)
    return file_name("jobs", f"{found.tenant}-{read_at:%Y-%m-%d-%H%M}", "csv")
