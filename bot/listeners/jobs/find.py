"""Find Emporix jobs (message shortcut) — shows the jobs that a message mentions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.domain.accounts import Account
from bot.listeners.jobs import views
from bot.rendering import buttons
from bot.rendering.buttons import ModalOrigin
from bot.services.filters.form import FilterForm
from bot.services.find_jobs import JobFinder
from bot.slack.conversations import Origin
from bot.slack.decorators import action, shortcut
from bot.slack.modals import Modal
from bot.slack.request import message_texts
from bot.store.ui_state import FormStore


@shortcut(
    buttons.JOBS_FIND_START,
    "Find Emporix jobs",
    "Show the jobs that a message mentions by ID, session, agent or dashboard link",
    kind="message",
    audit=None,
)
async def find(
    account: Account, job_finder: JobFinder, forms: FormStore, origin: Origin, modal: Modal
) -> None:
    await modal.open("loading", step="job")
    form = await views.keep_original(account, forms, origin)
    texts = message_texts(origin.message)
    await _show(texts, origin.serialize(), form, account, job_finder, modal)


@action(buttons.JOBS_FIND_INSTEAD, audit=None)
async def find_instead(
    metadata: ModalOrigin, account: Account, job_finder: JobFinder, forms: FormStore, modal: Modal
) -> None:
    """Find jobs in the message after the shortcut "Delete Emporix jobs" found none by id."""
    saved = await forms.load(account.caller, metadata.form)
    await _show(saved["texts"], saved, "", account, job_finder, modal)


async def _show(
    texts: Sequence[str],
    origin: Mapping[str, str],
    form: str,
    account: Account,
    job_finder: JobFinder,
    modal: Modal,
) -> None:
    findings = await job_finder.find(account, texts)
    if findings.is_empty:
        words = FilterForm(words=findings.words)
        await views.show_form(words, account, modal, note="nothing_named")
        return
    await modal.update(
        "jobs/find",
        findings=findings,
        origin=origin,
        form=form,
        zone=account.time_zone,
        is_only_tenant=len(account.connections) == 1,
    )
