"""Search Emporix jobs (global shortcut), and Filter below a list — a form with all filters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import get_args

from bot.domain.accounts import Account, Caller
from bot.domain.lists import ListCursor
from bot.errors import InvalidInput, NotFound, OutdatedButton
from bot.listeners.jobs import views
from bot.rendering import buttons
from bot.rendering.buttons import (
    FilterFormState,
    JobButton,
    ListButton,
    ModalOrigin,
    WordsButton,
)
from bot.services.accounts import AccountService
from bot.services.filters.form import FilterForm, form_from_values, form_of, parse_form
from bot.services.filters.parser import FilterResolver, LocalClock, ParsedFilters, from_compact
from bot.services.jobs import JobService
from bot.services.session_logs import SessionLogs
from bot.slack.conversations import Origin
from bot.slack.decorators import action, options, shortcut, submission
from bot.slack.modals import Modal, OptionsReply, SubmittedModal
from bot.store.ui_state import FormStore
from bot.store.watches import WatchStore


@shortcut(
    buttons.JOBS_FILTER_START,
    "Search Emporix jobs",
    "Search jobs by words, status, type, agent, event and days",
    kind="global",
    audit=None,
)
async def start(account: Account, modal: Modal) -> None:
    await modal.open("loading", step="search_form")
    await views.show_form(FilterForm(), account, modal)


@action(buttons.JOBS_FILTER_WORDS, audit=None)
async def search_words(button: WordsButton, account: Account, modal: Modal) -> None:
    await views.show_form(FilterForm(words=button.words), account, modal)


@action(buttons.JOBS_FILTER_CHANGE, audit=None)
async def change(
    button: ListButton, account: Account, cursor: ListCursor | None, clock: LocalClock, modal: Modal
) -> None:
    await views.show_form(await form_at(button, cursor, clock), account, modal)


@action(buttons.JOBS_FILTER_EDIT, at_once=True, audit=None)
async def edit(
    button: ListButton,
    account: Account,
    cursor: ListCursor | None,
    clock: LocalClock,
    forms: FormStore,
    origin: Origin,
    modal: Modal,
) -> None:
    await modal.open("loading", step="filter_form")
    form = await form_at(button, cursor, clock)
    await views.show_form(
        form, account, modal, list_id=await forms.save(account.caller, origin.serialize())
    )


@action(buttons.JOBS_FILTER_PERIOD, audit=None)
async def choose_period(
    values: Mapping[str, str],
    choices: Mapping[str, tuple[str, ...]],
    metadata: FilterFormState,
    account: Account,
    modal: Modal,
) -> None:
    """Show the fields for days if the period is custom, and hide them if it is not."""
    form = _filled_in(values, choices, metadata)
    await views.show_form(form, account, modal, list_id=metadata.list_id, over_newer=True)


@action(buttons.JOBS_FILTER_MORE, audit=None)
async def show_more(
    values: Mapping[str, str],
    choices: Mapping[str, tuple[str, ...]],
    metadata: FilterFormState,
    account: Account,
    modal: Modal,
) -> None:
    """Show all fields."""
    form = _filled_in(values, choices, metadata).with_more()
    await views.show_form(form, account, modal, list_id=metadata.list_id, over_newer=True)


def _filled_in(
    values: Mapping[str, str], choices: Mapping[str, tuple[str, ...]], hidden: FilterFormState
) -> FilterForm:
    return form_from_values(values, choices, asdict(hidden))


@options(buttons.JOBS_FILTER_AGENT, audit=None)
async def offer_agents(
    typed: str,
    values: Mapping[str, str],
    caller: Caller,
    accounts: AccountService,
    filter_resolver: FilterResolver,
    options_reply: OptionsReply,
) -> None:
    account = await accounts.load(caller)
    agents = await filter_resolver.suggest_agents(account, values.get("tenant", ""), typed)
    await options_reply("jobs/filter.agents", typed=typed, agents=agents)


@submission(buttons.JOBS_FILTER_SUBMIT, audit=None)
async def search(
    caller: Caller,
    values: Mapping[str, str],
    choices: Mapping[str, tuple[str, ...]],
    metadata: FilterFormState,
    clock: LocalClock,
    accounts: AccountService,
    filter_resolver: FilterResolver,
    jobs: JobService,
    watch_store: WatchStore,
    session_logs: SessionLogs,
    forms: FormStore,
    origin: Origin,
    modal: SubmittedModal,
) -> None:
    form, list_id = _filled_in(values, choices, metadata), metadata.list_id
    if form.job_id:
        await modal.update("loading", step="job")
        account = await accounts.load(caller)
        await _open_job(form, list_id, account, jobs, watch_store, session_logs, modal)
        return
    if not (asked := await read_or_refuse(form, modal)):
        return
    await modal.update("loading", step="filter" if list_id else "search")
    account = await accounts.load(caller)
    saved = await forms.load(caller, list_id) if list_id else None
    try:
        filters = await filter_resolver.resolve(asked, account, clock)
        listing = await jobs.list(account, filters, searched=bool(filters.words))
    except get_args(views.Correctable) as error:  # known only after the request
        await views.show_form(form, account, modal, error=error, list_id=list_id)
        return
    if saved:
        await origin.reply_at(saved)("jobs/list", replace=True, listing=listing)
    await modal.update("jobs/filter.done" if saved else "jobs/search_results", listing=listing)


async def _open_job(
    form: FilterForm,
    list_id: str,
    account: Account,
    jobs: JobService,
    watch_store: WatchStore,
    session_logs: SessionLogs,
    modal: Modal,
) -> None:
    """Show the job whose id was typed under Words; if there is none, the form says so."""
    try:
        card = await jobs.get(account, form.job_id, form.tenant)
    except (NotFound, *get_args(views.Correctable)) as error:
        if isinstance(error, NotFound) and error.resource != "job":
            raise
        await views.show_form(form, account, modal, error=error, list_id=list_id)
        return
    button = JobButton(card.tenant, form.job_id)
    shown = await views.show_job(
        button, ModalOrigin(), account, None, jobs, watch_store, modal, card=card
    )
    await views.add_log(shown, account, session_logs, modal)


async def read_or_refuse(form: FilterForm, modal: SubmittedModal) -> ParsedFilters | None:
    """Return the parsed filters; if invalid, show errors under the fields and return None."""
    try:
        return parse_form(form)
    except InvalidInput as error:
        await modal.errors("form_errors", problems={error.field or "more": error})
        return None


async def form_at(button: ListButton, cursor: ListCursor | None, clock: LocalClock) -> FilterForm:
    """Return the form with the filters of the clicked list; raises OutdatedButton."""
    if cursor is None:
        if not button.query:
            raise OutdatedButton
        filters, _ = from_compact(button.query)
        tenant = filters.tenant
    else:
        filters, tenant = cursor.filters, cursor.tenant
    return await form_of(filters, tenant, clock)
