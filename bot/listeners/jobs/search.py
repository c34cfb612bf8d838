"""/emporix jobs search [words and filters]: jobs whose agent message contains the words."""

from __future__ import annotations

from bot.domain.accounts import Account
from bot.listeners.jobs import views
from bot.services.filters.form import FilterForm
from bot.services.filters.parser import FilterResolver, LocalClock
from bot.services.jobs import JobService
from bot.slack.decorators import command
from bot.slack.modals import Modal
from bot.slack.reply import Reply


@command(
    "jobs search",
    "[words and filters]",
    'Jobs whose agent message contains all the words. Put phrases in quotes: "late refund". '
    "Without words, opens a form.",
    audit=None,
)
async def search_jobs(
    text: str,
    account: Account,
    clock: LocalClock,
    filter_resolver: FilterResolver,
    jobs: JobService,
    reply: Reply,
    modal: Modal,
) -> None:
    if not text:
        await modal.open("loading", step="search_form")
        await views.show_form(FilterForm(), account, modal)
        return
    filters = await filter_resolver.parse(text, account, clock, status_words=False)
    await reply("jobs/list", listing=await jobs.list(account, filters, searched=True))
