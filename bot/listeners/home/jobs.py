"""Jobs in the Home tab: lists of recent failures and running jobs, and the search form."""

from __future__ import annotations

from bot.domain.accounts import Account
from bot.listeners.jobs import views
from bot.rendering import buttons
from bot.rendering.buttons import TenantButton
from bot.services.filters.form import FilterForm, form_of
from bot.services.filters.parser import LocalClock
from bot.services.home import recent_failures, running_jobs
from bot.services.jobs import JobService
from bot.slack.decorators import action
from bot.slack.modals import Modal


@action(buttons.HOME_JOBS_FAILED, at_once=True, audit=None)
async def list_failed(
    button: TenantButton, account: Account, clock: LocalClock, jobs: JobService, modal: Modal
) -> None:
    await modal.open("loading", step="job")
    listing = await jobs.list(account, recent_failures(button.tenant, clock.now()))
    await modal.update("jobs/search_results", listing=listing)


@action(buttons.HOME_JOBS_RUNNING, at_once=True, audit=None)
async def list_running(
    button: TenantButton, account: Account, jobs: JobService, modal: Modal
) -> None:
    await modal.open("loading", step="job")
    listing = await jobs.list(account, running_jobs(button.tenant))
    await modal.update("jobs/search_results", listing=listing)


@action(buttons.HOME_JOBS_SEARCH, at_once=True, audit=None)
async def search(account: Account, modal: Modal) -> None:
    await modal.open("loading", step="search_form")
    await views.show_form(FilterForm(), account, modal)


@action(buttons.HOME_JOBS_FILTER, at_once=True, audit=None)
async def filter_failed(
    button: TenantButton, account: Account, clock: LocalClock, modal: Modal
) -> None:
    """Open the search form for the failures of a tenant."""
    await modal.open("loading", step="search_form")
    filters = recent_failures(button.tenant, clock.now())
    await views.show_form(await form_of(filters, button.tenant, clock), account, modal)
