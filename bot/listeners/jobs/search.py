"""/emporix jobs search <words and filters> — the jobs whose agent message says so."""

from __future__ import annotations

from bot.errors import InvalidInput
from bot.listeners.jobs.list import show
from bot.models import Account
from bot.services.filters import parse_filters
from bot.services.jobs import Jobs
from bot.slack.hear import command
from bot.slack.reply import Reply


@command(
    "jobs search",
    "<words and filters>",
    'Jobs whose agent message has all these words, "phrases in quotes" too.',
)
async def search_jobs(text: str, account: Account, jobs: Jobs, reply: Reply) -> None:
    if not text:
        raise InvalidInput(
            "The words to search are missing", advice="Type /emporix jobs search refund."
        )
    await show(await jobs.list(account, parse_filters(text), searched=True), reply)
