"""Show all entries — what became of each thing that an import touched, in a modal with pages."""

from __future__ import annotations

from bot.models import Account
from bot.say import ids
from bot.say.state import unpack
from bot.services.jobs import Jobs
from bot.slack.hear import action
from bot.slack.modals import Modal

ENTRIES = 40
"""On a page, each with all of its reasons."""


@action(ids.JOBS_IMPORTS_OPEN, at_once=True, audit=None)
async def open_entries(value: str, account: Account, jobs: Jobs, modal: Modal) -> None:
    unpack(value, ids.STATE_JOB)
    await modal.open("jobs/imports.opening")
    await _show(value, account, jobs, modal)


@action(ids.JOBS_IMPORTS_NEXT, audit=None)
async def turn_to_next(value: str, account: Account, jobs: Jobs, modal: Modal) -> None:
    await _show(value, account, jobs, modal)


@action(ids.JOBS_IMPORTS_PREVIOUS, audit=None)
async def turn_to_previous(value: str, account: Account, jobs: Jobs, modal: Modal) -> None:
    await _show(value, account, jobs, modal)


async def _show(value: str, account: Account, jobs: Jobs, modal: Modal) -> None:
    """The page that the button names, or the last one where there are fewer."""
    state = unpack(value, ids.STATE_JOB)
    card = await jobs.get(account, str(state["job"]), str(state["tenant"]))
    result = card.job.import_result
    entries = result.worst_first if result else ()
    pages = max(1, -(-len(entries) // ENTRIES))
    page = min(max(1, int(state.get("page", 1))), pages)
    shown = entries[(page - 1) * ENTRIES : page * ENTRIES]
    await modal.update(
        "jobs/imports",
        card=card,
        entries=entries,
        shown=shown,
        page=page,
        pages=pages,
        left_out=result.left_out if result else 0,
    )
