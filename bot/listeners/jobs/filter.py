"""Search Emporix jobs (global shortcut), and Filter below a list — a form with all filters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args

from bot.domain.accounts import Account, Caller
from bot.domain.lists import ListCursor
from bot.errors import InvalidInput, OutdatedButton
from bot.listeners.jobs import views
from bot.rendering import buttons
from bot.rendering.buttons import ListButton, ModalOrigin, WordsButton
from bot.services.accounts import AccountService
from bot.services.filters.form import FilterForm, form_from_values, parse_form, to_form
from bot.services.filters.parser import FilterResolver, LocalClock, ParsedFilters, from_compact
from bot.services.jobs import JobService
from bot.slack.decorators import action, options, shortcut, submission
from bot.slack.modals import Modal, OptionsReply, SubmittedModal
from bot.slack.origin import Origin
from bot.store.forms import FormStore


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
        form, account, modal, list_=await forms.save(account.caller, origin.serialize())
    )


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
    metadata: ModalOrigin | None,
    clock: LocalClock,
    accounts: AccountService,
    filter_resolver: FilterResolver,
    jobs: JobService,
    forms: FormStore,
    origin: Origin,
    modal: SubmittedModal,
) -> None:
    form = form_from_values(values, choices)
    list_ = metadata.form if metadata else ""
    if not (asked := await read_or_refuse(form, modal)):
        return
    await modal.update("loading", step="filter" if list_ else "search")
    account = await accounts.load(caller)
    saved = await forms.load(caller, list_) if list_ else None
    try:
        filters = await filter_resolver.resolve(asked, account, clock)
        listing = await jobs.list(account, filters, searched=bool(filters.words))
    except get_args(views.Correctable) as error:  # not detectable before the requests
        await views.show_form(form, account, modal, error=error, list_=list_)
        return
    if saved:
        await origin.reply_at(saved)("jobs/list", replace=True, listing=listing)
    await modal.update("jobs/filter.done" if saved else "jobs/search_results", listing=listing)


async def read_or_refuse(form: FilterForm, modal: SubmittedModal) -> ParsedFilters | None:
    """Return the parsed filters; if invalid, show errors under the fields and return None."""
    try:
        return parse_form(form)
    except InvalidInput as error:
        await modal.errors("jobs/filter.errors", error=error)
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
    has_days = filters.since is not None or filters.until is not None
    return to_form(filters, tenant, await clock.zone() if has_days else None)
