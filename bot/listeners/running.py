"""/emporix running [filters]: short for /emporix jobs list running [filters]."""

from __future__ import annotations

from bot.domain.accounts import Account
from bot.services.filters.parser import FilterResolver, LocalClock
from bot.services.jobs import JobService
from bot.slack.decorators import command
from bot.slack.reply import Reply


@command(
    "running",
    "[filters]",
    "The running jobs; add filters or words to narrow them.",
    audit=None,
)
async def list_running(
    text: str,
    account: Account,
    clock: LocalClock,
    filter_resolver: FilterResolver,
    jobs: JobService,
    reply: Reply,
) -> None:
    filters = await filter_resolver.parse(text, account, clock, statuses=("in_progress",))
    await reply("jobs/list", listing=await jobs.list(account, filters))
