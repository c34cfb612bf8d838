"""/emporix digest now [name] — post it at once; what it tells, the next one does not tell again."""

from __future__ import annotations

from bot.listeners.digest import views
from bot.models import Account, Digest
from bot.say import buttons
from bot.say.buttons import DigestButton
from bot.services.digests.digests import Digests
from bot.services.filters import LocalClock
from bot.slack.auditing import AuditDraft
from bot.slack.channel import Channel
from bot.slack.hear import action, command
from bot.slack.people import People
from bot.slack.reply import Reply
from bot.store.alive import Alive
from bot.store.audit_events import AuditEvent


@command(
    "digest now",
    "[name]",
    "Post a digest at once; it then runs on your connection.",
    audit=AuditEvent.DIGEST_POSTED_NOW,
)
async def post_now(
    text: str,
    account: Account,
    clock: LocalClock,
    digests: Digests,
    alive: Alive,
    channel: Channel,
    people: People,
    reply: Reply,
    audit_entry: AuditDraft,
) -> None:
    digest = await digests.named(account.caller, channel.id, text)
    digest = await views.run("now", digest, account, digests, people, audit_entry)
    await _reply(digest, clock, alive, reply)


@action(buttons.DIGEST_NOW_POST, audit=AuditEvent.DIGEST_POSTED_NOW)
async def post_now_from_button(
    button: DigestButton,
    account: Account,
    clock: LocalClock,
    digests: Digests,
    alive: Alive,
    people: People,
    reply: Reply,
    audit_entry: AuditDraft,
) -> None:
    digest = await digests.get(button.digest_id, account.caller)
    digest = await views.run("now", digest, account, digests, people, audit_entry)
    await _reply(digest, clock, alive, reply)


async def _reply(digest: Digest, clock: LocalClock, alive: Alive, reply: Reply) -> None:
    seen = await alive.seen(clock.now())
    await reply("digest/now", digest=digest, is_at_work=seen.at_work > 0)
