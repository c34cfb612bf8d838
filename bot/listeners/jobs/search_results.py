"""The results of a search form: pages of jobs in a modal."""

from __future__ import annotations

from bot.domain.accounts import Account
from bot.domain.lists import ListCursor
from bot.listeners.jobs import views
from bot.rendering import buttons
from bot.rendering.buttons import ListButton
from bot.services.jobs import JobService
from bot.slack.decorators import action
from bot.slack.modals import Modal


@action(*buttons.JOBS_SEARCH_RESULTS_PAGES, audit=None)
async def turn_page(
    button: ListButton, account: Account, cursor: ListCursor | None, jobs: JobService, modal: Modal
) -> None:
    listing = await views.page_of(button, account, cursor, jobs)
    await modal.update("jobs/search_results", listing=listing)
