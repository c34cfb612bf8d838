"""What several listeners of digests share: the form, and a start on the caller's connection."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, Literal

from bot.domain.accounts import Account
from bot.domain.digests import Digest
from bot.services.digests.digests import DigestService
from bot.services.digests.form import DigestDraft, FormRefused
from bot.slack.audit import AuditDraft
from bot.slack.modals import Modal, SubmittedModal
from bot.slack.users import CurrentUser


async def opening(modal: Modal) -> None:
    """What is shown at once, while the trigger lives."""
    await modal.open("loading", step="digest_form")


async def show_form(
    modal: Modal, account: Account, proposal: DigestDraft, digest_id: str = ""
) -> None:
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
        digest = await modal.within_ack(saving, "loading", step="digest_save")
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


async def run(
    act: Literal["now", "resume"],
    digest: Digest,
    account: Account,
    digests: DigestService,
    user: CurrentUser,
    audit_entry: AuditDraft,
) -> Digest:
    """Post a digest now or resume it, on the caller's connection; raises NotConnected."""
    audit_entry.about_digest(digest)
    await user.must_be_in(digest.channel_id)
    start = digests.post_now if act == "now" else digests.resume
    changed = await start(digest.id, account)
    audit_entry.mark_made()
    await user.notify(changed.before.owner, "digest/by_others", digest=digest, act=act)
    return changed.digest
