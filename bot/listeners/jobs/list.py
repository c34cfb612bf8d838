"""/emporix jobs list [filters] — the newest jobs of a tenant, page by page."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from bot.errors import OutdatedButton
from bot.models import Account, Filters
from bot.say import ids
from bot.say.state import unpack
from bot.services.asking import Asking
from bot.services.filters import LocalClock
from bot.services.jobs import Jobs, Listing
from bot.slack.hear import action, command
from bot.slack.modals import Modal
from bot.slack.reply import Reply
from bot.store.cursors import Cursor

Look = Callable[[Account, str, int, Cursor | None], Awaitable[Listing]]
"""Reads the page of a list again, or anew."""


@command(
    "jobs list",
    "[filters]",
    "The newest jobs; filters and words narrow them, as in jobs failed since:yesterday refund.",
    also=("jobs",),
    audit=None,
)
async def list_jobs(
    text: str, account: Account, clock: LocalClock, asking: Asking, jobs: Jobs, reply: Reply
) -> None:
    await show(await jobs.list(account, await asking.read(text, account, clock)), reply)


@action(ids.JOBS_LIST_ALL, replaces=True, audit=None)
async def list_all(value: str, account: Account, jobs: Jobs, reply: Reply, modal: Modal) -> None:
    tenant = str(unpack(value, ids.STATE_TENANT)["tenant"])
    await _show_in_place(await jobs.list(account, Filters(tenant=tenant)), reply, modal)


@action(ids.JOBS_LIST_AGAIN, replaces=True, audit=None)
async def list_again(value: str, account: Account, jobs: Jobs, reply: Reply, modal: Modal) -> None:
    query = str(unpack(value, ids.STATE_QUERY)["query"])
    await _show_in_place(await jobs.again(account, query), reply, modal)


@action(ids.JOBS_LIST_FIRST, replaces=True, audit=None)
async def turn_to_first(
    value: str, account: Account, cursor: Cursor | None, jobs: Jobs, reply: Reply
) -> None:
    await turn(value, account, cursor, jobs.turn, reply)


@action(ids.JOBS_LIST_NEXT, replaces=True, audit=None)
async def turn_to_next(
    value: str, account: Account, cursor: Cursor | None, jobs: Jobs, reply: Reply
) -> None:
    await turn(value, account, cursor, jobs.turn, reply)


@action(ids.JOBS_LIST_PREVIOUS, replaces=True, audit=None)
async def turn_to_previous(
    value: str, account: Account, cursor: Cursor | None, jobs: Jobs, reply: Reply
) -> None:
    await turn(value, account, cursor, jobs.turn, reply)


@action(ids.JOBS_LIST_REFRESH, replaces=True, audit=None)
async def refresh(
    value: str, account: Account, cursor: Cursor | None, jobs: Jobs, reply: Reply
) -> None:
    await turn(value, account, cursor, jobs.refresh, reply)


async def turn(
    value: str, account: Account, cursor: Cursor | None, look: Look, reply: Reply
) -> None:
    """To the page that the button names, in the place of the page it stood on."""
    await show(await looked_at(value, account, cursor, look), reply, replace=True)


async def looked_at(value: str, account: Account, cursor: Cursor | None, look: Look) -> Listing:
    """The page that a button names; raises OutdatedButton, with the query to be run anew."""
    state = unpack(value, ids.STATE_CURSOR)
    try:
        return await look(account, str(state["cursor"]), int(state["page"]), cursor)
    except OutdatedButton as error:
        raise OutdatedButton(query=str(state.get("query", ""))) from error


async def _show_in_place(listing: Listing, reply: Reply, modal: Modal) -> None:
    """Where the pressed button stands: an error, which offers these lists, may be in a modal."""
    if modal.is_open:
        await modal.update("jobs/results", listing=listing)
    else:
        await show(listing, reply, replace=True)


async def show(listing: Listing, reply: Reply, *, replace: bool = False) -> None:
    """A page of jobs, or what to do when there are none."""
    template = "jobs/list" if listing.jobs else "jobs/list.empty"
    await reply(template, replace=replace, listing=listing, deletion=None)
