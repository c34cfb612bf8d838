"""/emporix failed [filters] — short for /emporix jobs list failed [filters]."""

from __future__ import annotations

from bot.domain.accounts import Account
from bot.listeners.jobs import views
from bot.services.filters.parser import LocalClock
from bot.services.filters.resolve import FilterResolver
from bot.services.jobs import JobService
from bot.slack.decorators import command
from bot.slack.reply import Reply


@command(
    "failed", "[filters]", "The newest jobs that failed; filters and words narrow them.", audit=None
)
async def list_failed(
    text: str,
    account: Account,
    clock: LocalClock,
    filter_resolver: FilterResolver,
    jobs: JobService,
    reply: Reply,
) -> None:
    filters = await filter_resolver.parse(f"failed {text}", account, clock)
    await views.show_list(await jobs.list(account, filters), reply)
