"""/emporix digest delete [name] — asks first; what it has posted stays."""

from __future__ import annotations

from bot.models import Account
from bot.say import buttons
from bot.say.buttons import DigestButton
from bot.services.digests.digests import Digests
from bot.slack.auditing import AuditDraft
from bot.slack.channel import Channel
from bot.slack.hear import action, command
from bot.slack.people import People
from bot.slack.reply import Reply
from bot.store.audit_events import AuditEvent


@command("digest delete", "[name]", "Delete a digest, after asking.", audit=None)
async def ask(
    text: str, account: Account, digests: Digests, channel: Channel, reply: Reply
) -> None:
    digest = await digests.named(account.caller, channel.id, text)
    await reply("digest/delete", digest=digest)


@action(buttons.DIGEST_DELETE_CONFIRM, replaces=True, audit=AuditEvent.DIGEST_DELETED)
async def delete(
    button: DigestButton,
    account: Account,
    digests: Digests,
    people: People,
    reply: Reply,
    audit_entry: AuditDraft,
) -> None:
    digest = await digests.get(button.digest_id, account.caller)
    audit_entry.about_digest(digest)
    if digest.owner != account.caller:  # owners may stop theirs from wherever they are
        await people.must_be_in(digest.channel_id)
    digest = await digests.delete(button.digest_id, account.caller)
    audit_entry.made()
    await reply("digest/delete.done", replace=True, digest=digest)
    await people.notify(digest.owner, "digest/by_others", digest=digest, act="delete")


@action(buttons.DIGEST_DELETE_KEEP, replaces=True, audit=None)
async def keep(reply: Reply) -> None:
    await reply("digest/delete.kept", replace=True)
