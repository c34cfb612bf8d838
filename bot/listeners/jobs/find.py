"""Find Emporix jobs, on a message — the jobs that it names, and what can be done with them."""

from __future__ import annotations

from bot.listeners.jobs import views
from bot.models import Account
from bot.say import buttons
from bot.say.buttons import JobButton
from bot.services.filter_form import Form
from bot.services.finding import Finding
from bot.services.jobs import Jobs
from bot.slack.hear import action, shortcut
from bot.slack.message_texts import texts
from bot.slack.modals import Modal
from bot.slack.place import Place
from bot.store.forms import FormStore


@shortcut(
    buttons.JOBS_FIND_START,
    "Find Emporix jobs",
    "The jobs that a message names, by their ids, sessions, agents or links to the dashboard",
    kind="message",
    audit=None,
)
async def find(
    account: Account, finding: Finding, forms: FormStore, place: Place, modal: Modal
) -> None:
    await modal.open("jobs/find.looking")
    findings = await finding.find(account, texts(place.message))
    if findings.is_empty:
        await views.show_form(Form(words=findings.words), account, modal, note="nothing_named")
    else:
        form = await views.keep_original(account, forms, place)
        await modal.update("jobs/find", findings=findings, place=place.kept(), form=form)


@action(buttons.JOBS_FIND_OPEN, at_once=True, audit=None)
async def open_job(button: JobButton, account: Account, jobs: Jobs, modal: Modal) -> None:
    await modal.open("jobs/find.looking")
    card = await jobs.get(account, button.job_id, button.tenant)
    await modal.update("jobs/find.job", card=card)
