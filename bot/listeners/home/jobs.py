"""Jobs in the Home tab — one opened, all that failed lately or run, and the form to search them."""

from __future__ import annotations

from bot.listeners.jobs.filter import show as show_form
from bot.models import Account
from bot.say import ids
from bot.say.state import unpack
from bot.services.filter_form import Form, form_of
from bot.services.filters import LocalClock
from bot.services.homes.figures import failed_lately, still_running
from bot.services.jobs import Jobs
from bot.slack.hear import action
from bot.slack.modals import Modal


@action(ids.HOME_JOBS_OPEN, at_once=True, audit=None)
async def open_job(value: str, account: Account, jobs: Jobs, modal: Modal) -> None:
    state = unpack(value, ids.STATE_JOB)
    await modal.open("home/jobs.opening")
    card = await jobs.get(account, str(state["job"]), str(state["tenant"]))
    await modal.update("home/jobs.job", card=card)


@action(ids.HOME_JOBS_FAILED, at_once=True, audit=None)
async def list_failed(
    value: str, account: Account, clock: LocalClock, jobs: Jobs, modal: Modal
) -> None:
    tenant = str(unpack(value, ids.STATE_TENANT)["tenant"])
    await modal.open("home/jobs.opening")
    listing = await jobs.list(account, failed_lately(tenant, clock.now()))
    await modal.update("jobs/results", listing=listing)


@action(ids.HOME_JOBS_RUNNING, at_once=True, audit=None)
async def list_running(value: str, account: Account, jobs: Jobs, modal: Modal) -> None:
    tenant = str(unpack(value, ids.STATE_TENANT)["tenant"])
    await modal.open("home/jobs.opening")
    listing = await jobs.list(account, still_running(tenant))
    await modal.update("jobs/results", listing=listing)


@action(ids.HOME_JOBS_SEARCH, at_once=True, audit=None)
async def search(account: Account, modal: Modal) -> None:
    await modal.open("jobs/filter.opening", is_list=False)
    await show_form(Form(), account, modal)


@action(ids.HOME_JOBS_FILTER, at_once=True, audit=None)
async def filter_failed(value: str, account: Account, clock: LocalClock, modal: Modal) -> None:
    """The same form, filled in for the failures of a tenant."""
    tenant = str(unpack(value, ids.STATE_TENANT)["tenant"])
    await modal.open("jobs/filter.opening", is_list=False)
    filters = failed_lately(tenant, clock.now())
    await show_form(form_of(filters, tenant, await clock.zone()), account, modal)
