"""What a search from the form has found — pages of jobs in the modal."""

from __future__ import annotations

from bot.listeners.jobs import views
from bot.models import Account
from bot.say import buttons
from bot.say.buttons import ListButton
from bot.services.jobs import Jobs
from bot.slack.hear import action
from bot.slack.modals import Modal
from bot.store.cursors import Cursor


@action(*buttons.JOBS_RESULTS_PAGES, audit=None)
async def turn_page(
    button: ListButton, account: Account, cursor: Cursor | None, jobs: Jobs, modal: Modal
) -> None:
    listing = await views.page_of(button, account, cursor, jobs)
    await modal.update("jobs/results", listing=listing)
