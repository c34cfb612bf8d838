"""/emporix failed [filters]: short for /emporix jobs list failed [filters]."""

from __future__ import annotations

from bot.domain.accounts import Account
from bot.services.filters.parser import FilterResolver, LocalClock
from bot.services.jobs import JobService
from bot.slack.decorators import command
from bot.slack.reply import Reply


@command(
    "failed",
    "[filters]",
    "The newest failed jobs; add filters or words to narrow them.",
    audit=None,
)
async def list_failed(
    text: str,
    account: Account,
    clock: LocalClock,
    filter_resolver: FilterResolver,
    jobs: JobService,
    reply: Reply,
) -> None:
    filters = await filter_resolver.parse(text, account, clock, statuses=("failure",))
    await reply("jobs/list", listing=await jobs.list(account, filters))
