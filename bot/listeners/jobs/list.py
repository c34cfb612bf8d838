"""/emporix jobs list [filters]: the newest jobs of a tenant, page by page."""

from __future__ import annotations

from bot.domain.accounts import Account
from bot.domain.filters import Filters
from bot.domain.lists import ListCursor
from bot.errors import Proposal
from bot.listeners.jobs import views
from bot.rendering import buttons
from bot.rendering.buttons import ListButton, QueryButton, TenantButton
from bot.services.filters.parser import FilterResolver, LocalClock
from bot.services.jobs import JobList, JobService
from bot.slack.decorators import action, command
from bot.slack.modals import Modal
from bot.slack.reply import Reply


@command(
    "jobs list",
    "[filters]",
    "The newest jobs. Add words and filters, as in jobs failed yesterday.",
    also=("jobs",),
    audit=None,
)
async def list_jobs(
    text: str,
    account: Account,
    clock: LocalClock,
    filter_resolver: FilterResolver,
    jobs: JobService,
    reply: Reply,
    proposal: Proposal | None,
) -> None:
    filters = await filter_resolver.parse(text, account, clock)
    listing = await jobs.list(account, filters)
    await reply("jobs/list", listing=listing, proposal=proposal)


@action(buttons.JOBS_LIST_ALL, replaces=True, audit=None)
async def list_all(
    button: TenantButton, account: Account, jobs: JobService, reply: Reply, modal: Modal
) -> None:
    await _show_in_place(await jobs.list(account, Filters(tenant=button.tenant)), reply, modal)


@action(buttons.JOBS_LIST_AGAIN, *buttons.JOBS_LIST_SUGGESTIONS, replaces=True, audit=None)
async def list_again(
    button: ListButton, account: Account, jobs: JobService, reply: Reply, modal: Modal
) -> None:
    await _show_in_place(await jobs.reopen(account, button.query), reply, modal)


@action(*buttons.JOBS_LIST_TYPES, replaces=True, audit=None)
async def list_typed(
    button: QueryButton,
    account: Account,
    clock: LocalClock,
    filter_resolver: FilterResolver,
    jobs: JobService,
    reply: Reply,
    modal: Modal,
) -> None:
    """List the jobs of a suggested query: plain words instead of a filter, or another agent."""
    status_words = not button.searched
    filters = await filter_resolver.parse(button.text, account, clock, status_words=status_words)
    await _show_in_place(await jobs.list(account, filters, searched=button.searched), reply, modal)


@action(*buttons.JOBS_LIST_PAGES, replaces=True, audit=None)
async def turn_page(
    button: ListButton, account: Account, cursor: ListCursor | None, jobs: JobService, reply: Reply
) -> None:
    """Replace the clicked page with another one, or with the same page read again."""
    await reply(
        "jobs/list",
        replace=True,
        listing=await views.page_of(button, account, cursor, jobs),
    )


async def _show_in_place(listing: JobList, reply: Reply, modal: Modal) -> None:
    """Show the list in the button's modal or message."""
    if modal.is_open:
        await modal.update("jobs/search_results", listing=listing)
    else:
        await reply("jobs/list", replace=True, listing=listing)
