"""The "Show all entries" button: opens a paged modal with the result for each imported object."""

from __future__ import annotations

from bot.domain.accounts import Account
from bot.rendering import buttons
from bot.rendering.buttons import JobButton
from bot.services.jobs import JobService
from bot.slack.decorators import action
from bot.slack.modals import Modal

ENTRIES_PER_PAGE = 40
"""Number of entries per page; each entry is shown with all of its reasons."""


@action(buttons.JOBS_IMPORTS_OPEN, at_once=True, audit=None)
async def open_entries(button: JobButton, account: Account, jobs: JobService, modal: Modal) -> None:
    await modal.open("loading", step="imports")
    await _show(button, account, jobs, modal)


@action(*buttons.JOBS_IMPORTS_PAGES, audit=None)
async def turn_page(button: JobButton, account: Account, jobs: JobService, modal: Modal) -> None:
    await _show(button, account, jobs, modal)


async def _show(button: JobButton, account: Account, jobs: JobService, modal: Modal) -> None:
    """Show the button's page, or the last page if there are fewer."""
    card = await jobs.get(account, button.job_id, button.tenant)
    result = card.job.import_result
    entries = result.worst_first if result else ()
    pages = max(1, -(-len(entries) // ENTRIES_PER_PAGE))
    page = min(max(1, button.page), pages)
    shown = entries[(page - 1) * ENTRIES_PER_PAGE : page * ENTRIES_PER_PAGE]
    await modal.update(
        "jobs/imports",
        card=card,
        entries=entries,
        shown=shown,
        page=page,
        pages=pages,
        left_out=result.left_out if result else 0,
    )
