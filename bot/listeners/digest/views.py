"""The digest form, and functions that post and resume digests, shared by several listeners."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import partial
from typing import Literal

from bot.domain.accounts import Account
from bot.domain.digests import Digest
from bot.errors import ShareRefused
from bot.rendering.buttons import DigestButton
from bot.services.digests.digests import DigestService
from bot.services.digests.form import (
    DigestDraft,
    DigestFormService,
    FormRefused,
    changed_fields,
    parse_form,
)
from bot.services.filters.parser import LocalClock
from bot.slack.audit import AuditDraft
from bot.slack.conversations import DigestChannels, Origin
from bot.slack.errors import SLACK_ERRORS, describe
from bot.slack.home import HomeTab
from bot.slack.modals import Modal, SubmittedModal
from bot.slack.users import CurrentUser

logger = logging.getLogger(__name__)


async def open_loading(modal: Modal) -> None:
    """Show a loading modal before the trigger expires."""
    await modal.open("loading", step="digest_form")


async def show_form(
    modal: Modal, account: Account, proposal: DigestDraft, digest_id: str = ""
) -> None:
    """Show the form in the open modal."""
    tenants = tuple(account.connections)
    facts = {"proposal": proposal, "tenants": tenants, "problems": {}, "digest_id": digest_id}
    await modal.update("digest/new", **facts)


async def save(
    modal: SubmittedModal,
    user: CurrentUser,
    clock: LocalClock,
    values: Mapping[str, str],
    digests: DigestService,
    digest_form: DigestFormService,
    digest_channels: DigestChannels,
    origin: Origin,
    audit_entry: AuditDraft,
    metadata: DigestButton,
    home: HomeTab,
) -> None:
    """The listener of the digest form, for a new and for an existing digest.

    Saves the digest, and announces it if its channel is new.

    Problems appear under their fields; after the ack, the form is shown again. Raises NotInChannel
    if the user is not in the digest's channel, and OutdatedButton if the digest was deleted.
    """
    saving = _save(
        user, clock, values, digests, digest_form, digest_channels, audit_entry, metadata
    )
    try:
        before, digest = await modal.within_ack(saving, "loading", step="digest_save")
        await modal.update("digest/new.done", digest=digest)
        if before is None or before.channel_id != digest.channel_id:
            await _announce(digest, origin, is_new=before is None)
    except FormRefused as refused:
        audit_entry.refuse()
        await _refuse(modal, refused, metadata.digest_id)
    await home.refresh_if_open()


async def _save(
    user: CurrentUser,
    clock: LocalClock,
    values: Mapping[str, str],
    digests: DigestService,
    digest_form: DigestFormService,
    digest_channels: DigestChannels,
    audit_entry: AuditDraft,
    metadata: DigestButton,
) -> tuple[Digest | None, Digest]:
    """Save the form; return the digest before and after the change."""
    digest_id = metadata.digest_id
    before = await digests.get(digest_id, user.caller) if digest_id else None
    # Owners can move their digests from channels that they have left.
    if before and before.owner != user.caller:
        await user.must_be_in(before.channel_id)
    parsed = parse_form(values, metadata.tenant)
    audit_entry.subject = parsed.proposal.name
    audit_entry.channel_id = parsed.proposal.channel_id
    join_channel = partial(digest_channels.join_with, user=user)
    digest = await digest_form.save(user.caller, clock, parsed, before, join_channel)
    audit_entry.about_digest(digest, before.owner if before else None)
    audit_entry.mark_made()
    if before:
        audit_entry.detail = ", ".join(changed_fields(before, digest))
        await user.notify(before.owner, "digest/by_others", digest=before, act="change")
    return before, digest


async def _announce(digest: Digest, origin: Origin, *, is_new: bool) -> None:
    """Announce the digest in its channel, once; it is saved even if Slack refuses the message."""
    channel = origin.channel_at(digest.channel_id)
    try:
        await channel.post("digest/new.announced", digest=digest, is_new=is_new)
    except (ShareRefused, *SLACK_ERRORS) as error:
        logger.warning("a channel was not notified of a new digest: %s", describe(error))


async def _refuse(modal: SubmittedModal, refused: FormRefused, digest_id: str) -> None:
    if not modal.answered.is_set():
        await modal.errors("form_errors", problems=refused.problems)
        return
    facts = {"proposal": refused.proposal, "tenants": refused.tenants, "digest_id": digest_id}
    await modal.update("digest/new", problems=refused.problems, **facts)


async def run(
    act: Literal["now", "resume"],
    digest: Digest,
    account: Account,
    digests: DigestService,
    user: CurrentUser,
    audit_entry: AuditDraft,
) -> Digest:
    """Post a digest now or resume it with the user's connection; raises NotConnected."""
    audit_entry.about_digest(digest)
    await user.must_be_in(digest.channel_id)
    start = digests.post_now if act == "now" else digests.resume
    changed = await start(digest.id, account)
    audit_entry.mark_made()
    await user.notify(changed.before.owner, "digest/by_others", digest=digest, act=act)
    return changed.digest
