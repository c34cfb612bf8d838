"""Take over — let a digest run on your own connection, and go on where it paused."""

from __future__ import annotations

from bot.listeners.digest.resume import resumed
from bot.models import Account
from bot.say import buttons
from bot.say.buttons import DigestButton
from bot.services.digests.digests import Digests
from bot.slack.auditing import AuditDraft
from bot.slack.hear import action
from bot.slack.people import People
from bot.slack.reply import Reply
from bot.store.audit_events import AuditEvent


@action(buttons.DIGEST_TAKE_OVER_TAKE, audit=AuditEvent.DIGEST_TAKEN_OVER)
async def take_over(
    button: DigestButton,
    account: Account,
    digests: Digests,
    people: People,
    reply: Reply,
    audit_entry: AuditDraft,
) -> None:
    digest_id = button.digest_id
    digest = await digests.get(digest_id, account.caller)
    digest = await resumed(digest, account, digests, people, audit_entry)
    await reply("digest/take_over", digest=digest)
