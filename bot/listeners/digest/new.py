"""/emporix digest new [name] — a form for what is to be posted, where and when."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from dataclasses import replace
from typing import Any

from bot.models import Account, Digest
from bot.say import buttons
from bot.say.buttons import ChannelButton
from bot.services.digests.form import FormRefused, Proposal
from bot.services.filters import LocalClock
from bot.slack.auditing import AuditDraft
from bot.slack.channel import Channel
from bot.slack.digest_forms import DigestForms
from bot.slack.hear import action, command, submission
from bot.slack.home import HomeTab
from bot.slack.modals import Modal, SubmittedModal
from bot.slack.people import People
from bot.store.audit_events import AuditEvent


@command(
    "digest new",
    "[name]",
    "Set up a digest: every day in a channel, how many jobs there were and what failed.",
    also=("digest",),
    at_once=True,
    audit=None,
)
async def open_form(
    text: str,
    account: Account,
    clock: LocalClock,
    digest_forms: DigestForms,
    channel: Channel,
    modal: Modal,
) -> None:
    await opening(modal)
    proposal = await digest_forms.proposal(account, clock, text)
    await show(modal, account, replace(proposal, channel_id=_channel(channel.id)))


@action(buttons.DIGEST_NEW_OPEN, at_once=True, audit=None)
async def open_form_from_button(
    button: ChannelButton,
    account: Account,
    clock: LocalClock,
    digest_forms: DigestForms,
    modal: Modal,
) -> None:
    await opening(modal)
    channel_id = button.channel_id
    proposal = await digest_forms.proposal(account, clock)
    await show(modal, account, replace(proposal, channel_id=_channel(channel_id)))


@submission(buttons.DIGEST_NEW_SUBMIT, audit=AuditEvent.DIGEST_CREATED)
async def set_up(
    values: Mapping[str, str],
    clock: LocalClock,
    digest_forms: DigestForms,
    people: People,
    home: HomeTab,
    modal: SubmittedModal,
    audit_entry: AuditDraft,
) -> None:
    await save(modal, digest_forms.save(people, clock, values, audit_entry), audit_entry)
    await home.keep_up()


async def opening(modal: Modal) -> None:
    """What is shown at once, while the trigger lives."""
    await modal.open("digest/new.opening")


async def show(modal: Modal, account: Account, proposal: Proposal, digest_id: str = "") -> None:
    """The form, in the place of the word that it is on its way."""
    tenants = tuple(account.connections)
    facts = {"proposal": proposal, "tenants": tenants, "problems": {}, "digest_id": digest_id}
    await modal.update("digest/new", **facts)


async def save(
    modal: SubmittedModal,
    saving: Coroutine[Any, Any, Digest],
    audit_entry: AuditDraft,
    digest_id: str = "",
) -> None:
    """Under the fields what is wrong while that is possible; else the form once more."""
    try:
        digest = await modal.within_ack(saving, "digest/new.saving")
        await modal.update("digest/new.done", digest=digest)
    except FormRefused as refused:
        audit_entry.refuse()
        await _refuse(modal, refused, digest_id)


async def _refuse(modal: SubmittedModal, refused: FormRefused, digest_id: str) -> None:
    if not modal.answered.is_set():
        await modal.errors("digest/new.errors", problems=refused.problems)
        return
    proposal = refused.proposal
    facts = {"proposal": proposal, "tenants": (proposal.tenant,), "digest_id": digest_id}
    await modal.update("digest/new", problems=refused.problems, **facts)


def _channel(channel_id: str) -> str:
    """A direct message is no channel, and cannot be chosen in the form."""
    return "" if channel_id.startswith("D") else channel_id
