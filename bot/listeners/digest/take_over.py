"""Take over — let a digest run on your own connection, and go on where it paused."""

from __future__ import annotations

from bot.listeners.digest.resume import resumed
from bot.models import Account
from bot.say import ids
from bot.say.state import unpack
from bot.services.digests.digests import Digests
from bot.slack.auditing import AuditDraft
from bot.slack.channel import Channel
from bot.slack.hear import action
from bot.slack.people import People
from bot.slack.reply import Reply
from bot.store.audit_events import AuditEvent


@action(ids.DIGEST_TAKE_OVER_TAKE, audit=AuditEvent.DIGEST_TAKEN_OVER)
async def take_over(
    value: str,
    account: Account,
    digests: Digests,
    channel: Channel,
    people: People,
    reply: Reply,
    audit_entry: AuditDraft,
) -> None:
    digest_id = str(unpack(value, ids.STATE_DIGEST)["digest"])
    digest = await digests.get(digest_id, account.caller)
    if channel.is_shared and not digest.paused:  # the notice of an earlier pause
        audit_entry.skip()
        await reply("digest/running", digest=digest)
        return
    digest = await resumed(digest, account, digests, people, audit_entry)
    await reply("digest/take_over", digest=digest)
