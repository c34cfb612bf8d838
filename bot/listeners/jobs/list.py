"""/emporix jobs list [filters] — the newest jobs of a tenant, page by page."""

from __future__ import annotations

from bot.models import Account, Filters
from bot.say import ids
from bot.say.state import unpack
from bot.services.asking import Asking
from bot.services.filters import LocalClock
from bot.services.jobs import Jobs, Listing
from bot.slack.hear import action, command
from bot.slack.reply import Reply


@command(
    "jobs list",
    "[filters]",
    "The newest jobs; filters and words narrow them, as in jobs failed since:yesterday refund.",
    also=("jobs",),
)
async def list_jobs(
    text: str, account: Account, clock: LocalClock, asking: Asking, jobs: Jobs, reply: Reply
) -> None:
    await show(await jobs.list(account, await asking.read(text, account, clock)), reply)


@action(ids.JOBS_LIST_ALL)
async def list_all(value: str, account: Account, jobs: Jobs, reply: Reply) -> None:
    tenant = str(unpack(value, ids.STATE_TENANT)["tenant"])
    await show(await jobs.list(account, Filters(tenant=tenant)), reply, replace=True)


@action(ids.JOBS_LIST_NEXT)
async def turn_to_next(value: str, account: Account, jobs: Jobs, reply: Reply) -> None:
    await turn(value, account, jobs, reply)


@action(ids.JOBS_LIST_PREVIOUS)
async def turn_to_previous(value: str, account: Account, jobs: Jobs, reply: Reply) -> None:
    await turn(value, account, jobs, reply)


async def turn(value: str, account: Account, jobs: Jobs, reply: Reply) -> None:
    """To the page that the button names, in the place of the page it stood on."""
    state = unpack(value, ids.STATE_CURSOR)
    listing = await jobs.turn(account, str(state["cursor"]), int(state["page"]))
    await show(listing, reply, replace=True)


async def show(listing: Listing, reply: Reply, *, replace: bool = False) -> None:
    """A page of jobs, or what to do when there are none."""
    template = "jobs/list" if listing.jobs else "jobs/list.empty"
    await reply(template, replace=replace, listing=listing, deletion=None)
