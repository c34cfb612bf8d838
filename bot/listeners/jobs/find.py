"""Find Emporix jobs, on a message: the jobs in it."""

from __future__ import annotations

from bot.domain.accounts import Account
from bot.listeners.jobs import views
from bot.rendering import buttons
from bot.services.filters.form import FilterForm
from bot.services.find_jobs import JobFinder
from bot.slack.decorators import shortcut
from bot.slack.modals import Modal
from bot.slack.origin import Origin
from bot.slack.request import message_texts
from bot.store.forms import FormStore


@shortcut(
    buttons.JOBS_FIND_START,
    "Find Emporix jobs",
    "The jobs that a message names, by their ids, sessions, agents or links to the dashboard",
    kind="message",
    audit=None,
)
async def find(
    account: Account, job_finder: JobFinder, forms: FormStore, origin: Origin, modal: Modal
) -> None:
    await modal.open("loading", step="job")
    findings = await job_finder.find(account, message_texts(origin.message))
    if findings.is_empty:
        await views.show_form(
            FilterForm(words=findings.words), account, modal, note="nothing_named"
        )
    else:
        form = await views.keep_original(account, forms, origin)
        await modal.update(
            "jobs/find",
            findings=findings,
            origin=origin.serialize(),
            form=form,
            zone=account.time_zone,
            is_only_tenant=len(account.connections) == 1,
        )
