"""/emporix digest delete [name] — deletes a digest after confirmation; its posts stay."""

from __future__ import annotations

from bot.domain.accounts import Account
from bot.domain.audit import AuditEvent
from bot.rendering import buttons
from bot.rendering.buttons import DigestButton
from bot.services.digests.digests import DigestService
from bot.slack.audit import AuditDraft
from bot.slack.conversations import Channel
from bot.slack.decorators import action, command
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
    digest = await digests.get(button.digest_id, account.caller)
    audit_entry.about_digest(digest)
    if digest.owner != account.caller:  # owners can delete their digests from any channel
        await user.must_be_in(digest.channel_id)
    digest = await digests.delete(button.digest_id, account.caller)
    audit_entry.mark_made()
    await reply("digest/delete.done", replace=True, digest=digest)
    await user.notify(digest.owner, "digest/by_others", digest=digest, act="delete")


@action(buttons.DIGEST_DELETE_KEEP, replaces=True, audit=None)
async def keep(reply: Reply) -> None:
    await reply("dismissed", replace=True, action="delete_digest")
