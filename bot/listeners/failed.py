"""/emporix failed [filters] — short for /emporix jobs list failed [filters]."""

from __future__ import annotations

from bot.listeners.jobs import views
from bot.models import Account
from bot.services.asking import Asking
from bot.services.filters import LocalClock
from bot.services.jobs import Jobs
from bot.slack.hear import command
from bot.slack.reply import Reply


@command(
    "failed", "[filters]", "The newest jobs that failed; filters and words narrow them.", audit=None
)
async def list_failed(
    text: str, account: Account, clock: LocalClock, asking: Asking, jobs: Jobs, reply: Reply
) -> None:
    filters = await asking.read(f"failed {text}", account, clock)
    await views.show_list(await jobs.list(account, filters), reply)
