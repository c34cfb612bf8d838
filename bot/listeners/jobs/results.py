"""What a search from the form has found — pages of jobs in the modal."""

from __future__ import annotations

from bot.listeners.jobs.list import Look, looked_at
from bot.models import Account
from bot.say import ids
from bot.services.jobs import Jobs
from bot.slack.hear import action
from bot.slack.modals import Modal
from bot.store.cursors import Cursor


@action(ids.JOBS_RESULTS_FIRST, audit=None)
async def turn_to_first(
    value: str, account: Account, cursor: Cursor | None, jobs: Jobs, modal: Modal
) -> None:
    await _turn(value, account, cursor, jobs.turn, modal)


@action(ids.JOBS_RESULTS_NEXT, audit=None)
async def turn_to_next(
    value: str, account: Account, cursor: Cursor | None, jobs: Jobs, modal: Modal
) -> None:
    await _turn(value, account, cursor, jobs.turn, modal)


@action(ids.JOBS_RESULTS_PREVIOUS, audit=None)
async def turn_to_previous(
    value: str, account: Account, cursor: Cursor | None, jobs: Jobs, modal: Modal
) -> None:
    await _turn(value, account, cursor, jobs.turn, modal)


@action(ids.JOBS_RESULTS_REFRESH, audit=None)
async def refresh(
    value: str, account: Account, cursor: Cursor | None, jobs: Jobs, modal: Modal
) -> None:
    await _turn(value, account, cursor, jobs.refresh, modal)


async def _turn(
    value: str, account: Account, cursor: Cursor | None, look: Look, modal: Modal
) -> None:
    listing = await looked_at(value, account, cursor, look)
    await modal.update("jobs/results", listing=listing)
