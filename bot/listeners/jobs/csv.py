"""Download as CSV — all jobs of a list, a shared one too, as a file to whoever pressed."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import UTC, datetime

from bot.emporix.models import Job
from bot.errors import NotFound
from bot.models import Account
from bot.say import ids
from bot.say.csv_text import csv_text
from bot.say.state import unpack
from bot.services.jobs import Jobs
from bot.services.whole_lists import Wanted, WholeList, WholeLists
from bot.slack.files import Files, file_name
from bot.slack.hear import action
from bot.slack.modals import Modal
from bot.slack.progress import Progress
from bot.store.cursors import Cursor


@action(ids.JOBS_CSV_DOWNLOAD, at_once=True, audit=None)
async def download_csv(
    value: str,
    account: Account,
    cursor: Cursor | None,
    whole_lists: WholeLists,
    modal: Modal,
    files: Files,
) -> None:
    state = unpack(value, ids.STATE_CURSOR)
    wanted = Wanted(str(state["cursor"]), str(state.get("query", "")), known=cursor)
    await _hand_over(wanted, account, whole_lists, modal, files)


@action(ids.JOBS_CSV_DOWNLOAD_SHARED, at_once=True, audit=None)
async def download_shared_csv(
    value: str, account: Account, whole_lists: WholeLists, modal: Modal, files: Files
) -> None:
    """Asked anew with the rights of whoever pressed."""
    state = unpack(value, ids.STATE_SHARED_LIST)
    wanted = Wanted(str(state["cursor"]), str(state.get("query", "")), owner=str(state["owner"]))
    await _hand_over(wanted, account, whole_lists, modal, files)


@action(ids.JOBS_CSV_DOWNLOAD_JOBS, at_once=True, audit=None)
async def download_jobs(
    value: str, account: Account, jobs: Jobs, modal: Modal, files: Files
) -> None:
    """Single jobs, before they are deleted; those that are gone are left out."""
    lines = str(unpack(value, ids.STATE_JOBS)["jobs"]).split("\n")
    wanted = [line.partition("/") for line in lines]
    await modal.open("jobs/csv.collecting", done=0, total=None)
    found: list[Job] = []
    progress = Progress(modal, "jobs/csv.collecting")
    for tenant, _, job_id in wanted:
        with suppress(NotFound):
            found.append((await jobs.get(account, job_id, tenant)).job)
        await progress(len(found), len(wanted))
    url = ""
    if found:
        text = await asyncio.to_thread(csv_text, found)
        url = await files.share(file_name("jobs", "-".join(wanted[0][::2]), "csv"), text)
    await modal.update("jobs/csv.jobs", count=len(found), gone=len(wanted) - len(found), url=url)


async def _hand_over(
    wanted: Wanted, account: Account, whole_lists: WholeLists, modal: Modal, files: Files
) -> None:
    await modal.open("jobs/csv.collecting", done=0, total=None)
    found = await whole_lists.read(account, wanted, Progress(modal, "jobs/csv.collecting"))
    # 5,000 jobs take tenths of a second, in which others are answered.
    text = await asyncio.to_thread(csv_text, found.jobs)
    url = await files.share(_name(found), text)
    await modal.update("jobs/csv", found=found, count=len(found.jobs), url=url)


def _name(found: WholeList) -> str:
    """`jobs-acme-2026-11-25-0330.csv`, by the time of UTC."""
    read_at = datetime.fromtimestamp(found.read_at, UTC)
    return file_name("jobs", f"{found.tenant}-{read_at:%Y-%m-%d-%H%M}", "csv")
