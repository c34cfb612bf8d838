"""/emporix jobs search <words and filters> — the jobs whose agent message says so."""

from __future__ import annotations

from bot.errors import InvalidInput
from bot.listeners.jobs import views
from bot.models import Account
from bot.services.asking import Asking
from bot.services.filters import LocalClock
from bot.services.jobs import Jobs
from bot.slack.hear import command
from bot.slack.reply import Reply


@command(
    "jobs search",
    "<words and filters>",
    'Jobs whose agent message has all these words, "phrases in quotes" too.',
    audit=None,
)
async def search_jobs(
    text: str, account: Account, clock: LocalClock, asking: Asking, jobs: Jobs, reply: Reply
) -> None:
    if not text:
        raise InvalidInput(
            "The words to search are missing", advice="Type /emporix jobs search refund."
        )
    filters = await asking.read(text, account, clock, status_words=False)
    await views.show_list(await jobs.list(account, filters, searched=True), reply)
