"""/emporix digest resume [name] — it is posted again from its next time on, by your connection."""

from __future__ import annotations

from bot.models import Account, Digest
from bot.say import ids
from bot.say.state import unpack
from bot.services.digests.digests import Digests
from bot.slack.auditing import AuditDraft
from bot.slack.channel import Channel
from bot.slack.hear import action, command
from bot.slack.people import People
from bot.slack.reply import Reply
from bot.store.audit_events import AuditEvent


@command(
    "digest resume",
    "[name]",
    "Resume a paused digest; it then runs on your connection.",
    audit=AuditEvent.DIGEST_RESUMED,
)
async def resume(
    text: str,
    account: Account,
    digests: Digests,
    channel: Channel,
    people: People,
    reply: Reply,
    audit_entry: AuditDraft,
) -> None:
    digest = await digests.named(account.caller, channel.id, text)
    digest = await resumed(digest, account, digests, people, audit_entry)
    await reply("digest/resume", digest=digest)


@action(ids.DIGEST_RESUME_GO, audit=AuditEvent.DIGEST_RESUMED)
async def resume_from_button(
    value: str,
    account: Account,
    digests: Digests,
    people: People,
    reply: Reply,
    audit_entry: AuditDraft,
) -> None:
    digest_id = str(unpack(value, ids.STATE_DIGEST)["digest"])
    digest = await digests.get(digest_id, account.caller)
    if not digest.paused:
        audit_entry.skip()
        await reply("digest/running", digest=digest)
        return
    digest = await resumed(digest, account, digests, people, audit_entry)
    await reply("digest/resume", digest=digest)


async def resumed(
    digest: Digest,
    account: Account,
    digests: Digests,
    people: People,
    audit_entry: AuditDraft,
) -> Digest:
    """Runs on the connection of the person who resumes it; raises NotConnected."""
    audit_entry.about_digest(digest)
    await people.must_be_in(digest.channel_id)
    changed = await digests.resume(digest.id, account)
    audit_entry.made()
    await people.notify(changed.before.owner, "digest/by_others", digest=digest, act="resume")
    return changed.digest
