"""/emporix digest pause [name] — nothing is posted until it is resumed."""

from __future__ import annotations

from bot.models import Account, Digest
from bot.say import buttons
from bot.say.buttons import DigestButton
from bot.services.digests.digests import Digests
from bot.slack.auditing import AuditDraft
from bot.slack.channel import Channel
from bot.slack.hear import action, command
from bot.slack.people import People
from bot.slack.reply import Reply
from bot.store.audit_events import AuditEvent


@command(
    "digest pause",
    "[name]",
    "Stop posting a digest until it is resumed.",
    audit=AuditEvent.DIGEST_PAUSED,
)
async def pause(
    text: str,
    account: Account,
    digests: Digests,
    channel: Channel,
    people: People,
    reply: Reply,
    audit_entry: AuditDraft,
) -> None:
    digest = await digests.named(account.caller, channel.id, text)
    audit_entry.about_digest(digest)
    await _pause(digest, digests, people, reply, audit_entry)


@action(buttons.DIGEST_PAUSE_GO, audit=AuditEvent.DIGEST_PAUSED)
async def pause_from_button(
    button: DigestButton,
    account: Account,
    digests: Digests,
    people: People,
    reply: Reply,
    audit_entry: AuditDraft,
) -> None:
    digest_id = button.digest_id
    digest = await digests.get(digest_id, account.caller)
    audit_entry.about_digest(digest)
    if digest.owner != account.caller:  # owners may stop theirs from wherever they are
        await people.must_be_in(digest.channel_id)
    await _pause(digest, digests, people, reply, audit_entry)


async def _pause(
    digest: Digest, digests: Digests, people: People, reply: Reply, audit_entry: AuditDraft
) -> None:
    changed = await digests.pause(digest.id, people.caller)
    audit_entry.made()
    await reply("digest/pause", digest=changed.digest)
    await people.notify(changed.before.owner, "digest/by_others", digest=digest, act="pause")
