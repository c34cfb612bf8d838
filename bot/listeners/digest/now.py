"""/emporix digest now [name] — posts a digest now; the next one covers the time since then."""

from __future__ import annotations

from bot.domain.accounts import Account
from bot.domain.audit import AuditEvent
from bot.domain.digests import Digest
from bot.listeners.digest import views
from bot.rendering import buttons
from bot.rendering.buttons import DigestButton
from bot.services.digests.digests import DigestService
from bot.services.filters.parser import LocalClock
from bot.slack.audit import AuditDraft
from bot.slack.conversations import Channel
from bot.slack.decorators import action, command
from bot.slack.reply import Reply
from bot.slack.users import CurrentUser
from bot.store.health import Heartbeats


@command(
    "digest now",
    "[name]",
    "Post a digest now; it then uses your connection.",
    audit=AuditEvent.DIGEST_POSTED_NOW,
)
async def post_now(
    text: str,
    account: Account,
    clock: LocalClock,
    digests: DigestService,
    heartbeats: Heartbeats,
    channel: Channel,
    user: CurrentUser,
    reply: Reply,
    audit_entry: AuditDraft,
) -> None:
    digest = await digests.find_by_name(account.caller, channel.id, text)
    digest = await views.run("now", digest, account, digests, user, audit_entry)
    await _reply(digest, clock, heartbeats, reply)


@action(buttons.DIGEST_NOW_POST, audit=AuditEvent.DIGEST_POSTED_NOW)
async def post_now_from_button(
    button: DigestButton,
    account: Account,
    clock: LocalClock,
    digests: DigestService,
    heartbeats: Heartbeats,
    user: CurrentUser,
    reply: Reply,
    audit_entry: AuditDraft,
) -> None:
    digest = await digests.get(button.digest_id, account.caller)
    digest = await views.run("now", digest, account, digests, user, audit_entry)
    await _reply(digest, clock, heartbeats, reply)


async def _reply(digest: Digest, clock: LocalClock, heartbeats: Heartbeats, reply: Reply) -> None:
    await reply("digest/now", digest=digest, worker=await heartbeats.status(clock.now()))
