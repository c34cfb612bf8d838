"""/emporix digest delete [name] — deletes a digest after confirmation; its posts stay."""

from __future__ import annotations

from bot.domain.accounts import Account
from bot.domain.audit import AuditEvent
from bot.domain.digests import Digest
from bot.rendering import buttons
from bot.rendering.buttons import DigestButton
from bot.services.digests.digests import DigestService
from bot.slack.audit import AuditDraft
from bot.slack.conversations import Channel
from bot.slack.decorators import action, command, submission
from bot.slack.home import HomeTab
from bot.slack.modals import Modal, SubmittedModal
from bot.slack.reply import Reply
from bot.slack.users import CurrentUser


@command("digest delete", "[name]", "Delete a digest after you confirm.", audit=None)
async def ask(
    text: str, account: Account, digests: DigestService, channel: Channel, reply: Reply
) -> None:
    digest = await digests.find_by_name(account.caller, channel.id, text)
    await reply("digest/delete", digest=digest)


@action(buttons.DIGEST_DELETE_CONFIRM, replaces=True, audit=AuditEvent.DIGEST_DELETED)
async def delete(
    button: DigestButton,
    account: Account,
    digests: DigestService,
    user: CurrentUser,
    reply: Reply,
    audit_entry: AuditDraft,
) -> None:
    digest = await _delete(button.digest_id, digests, user, audit_entry)
    await reply("digest/delete.done", replace=True, digest=digest)
    await user.notify(digest.owner, "digest/by_others", digest=digest, act="delete")


@action(buttons.DIGEST_DELETE_ASK, at_once=True, audit=None)
async def ask_in_modal(
    button: DigestButton, account: Account, digests: DigestService, modal: Modal
) -> None:
    digest = await digests.get(button.digest_id, account.caller)
    await modal.open("home/confirm", act="delete_digest", digest=digest)


@submission(buttons.DIGEST_DELETE_SUBMIT, audit=AuditEvent.DIGEST_DELETED)
async def delete_from_modal(
    metadata: DigestButton,
    digests: DigestService,
    user: CurrentUser,
    home: HomeTab,
    modal: SubmittedModal,
    audit_entry: AuditDraft,
) -> None:
    deleting = _delete(metadata.digest_id, digests, user, audit_entry)
    digest = await modal.within_ack(deleting, "loading", step="digest_delete")
    await modal.end_with("digest/delete.done", digest=digest)
    await user.notify(digest.owner, "digest/by_others", digest=digest, act="delete")
    await home.refresh_if_open()


async def _delete(
    digest_id: str, digests: DigestService, user: CurrentUser, audit_entry: AuditDraft
) -> Digest:
    digest = await digests.get(digest_id, user.caller)
    audit_entry.about_digest(digest)
    if digest.owner != user.caller:  # owners can delete their digests from any channel
        await user.must_be_in(digest.channel_id)
    deleted = await digests.delete(digest_id, user.caller)
    audit_entry.mark_made()
    return deleted


@action(buttons.DIGEST_DELETE_CANCEL, replaces=True, audit=None)
async def keep(reply: Reply) -> None:
    await reply("dismissed", replace=True, action="delete_digest")
