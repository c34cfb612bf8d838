"""/emporix digest pause [name], /emporix digest resume [name], and the Take over button."""

from __future__ import annotations

from bot.domain.accounts import Account
from bot.domain.audit import AuditEvent
from bot.domain.digests import Digest
from bot.listeners.digest import views
from bot.rendering import buttons
from bot.rendering.buttons import DigestButton
from bot.services.digests.digests import DigestService
from bot.slack.audit import AuditDraft
from bot.slack.conversations import Channel
from bot.slack.decorators import action, command
from bot.slack.reply import Reply
from bot.slack.users import CurrentUser


@command(
    "digest pause",
    "[name]",
    "Pause a digest until it is resumed.",
    audit=AuditEvent.DIGEST_PAUSED,
)
async def pause(
    text: str,
    account: Account,
    digests: DigestService,
    channel: Channel,
    user: CurrentUser,
    reply: Reply,
    audit_entry: AuditDraft,
) -> None:
    digest = await digests.find_by_name(account.caller, channel.id, text)
    await _pause(digest, digests, user, reply, audit_entry)


@action(buttons.DIGEST_PAUSE_GO, audit=AuditEvent.DIGEST_PAUSED)
async def pause_from_button(
    button: DigestButton,
    account: Account,
    digests: DigestService,
    user: CurrentUser,
    reply: Reply,
    audit_entry: AuditDraft,
) -> None:
    digest = await digests.get(button.digest_id, account.caller)
    audit_entry.about_digest(digest)
    if digest.owner != account.caller:  # owners can pause their digests from any channel
        await user.must_be_in(digest.channel_id)
    await _pause(digest, digests, user, reply, audit_entry)


@command(
    "digest resume",
    "[name]",
    "Resume a paused digest; it then uses your connection.",
    audit=AuditEvent.DIGEST_RESUMED,
)
async def resume(
    text: str,
    account: Account,
    digests: DigestService,
    channel: Channel,
    user: CurrentUser,
    reply: Reply,
    audit_entry: AuditDraft,
) -> None:
    digest = await digests.find_by_name(account.caller, channel.id, text)
    digest = await views.run("resume", digest, account, digests, user, audit_entry)
    await reply("digest/pause.resumed", digest=digest)


@action(buttons.DIGEST_PAUSE_RESUME, audit=AuditEvent.DIGEST_RESUMED)
async def resume_from_button(
    button: DigestButton,
    account: Account,
    digests: DigestService,
    user: CurrentUser,
    reply: Reply,
    audit_entry: AuditDraft,
) -> None:
    digest = await digests.get(button.digest_id, account.caller)
    if not digest.paused:
        audit_entry.skip()
        await reply("digest/running", digest=digest)
        return
    digest = await views.run("resume", digest, account, digests, user, audit_entry)
    await reply("digest/pause.resumed", digest=digest)


@action(buttons.DIGEST_PAUSE_TAKE_OVER, audit=AuditEvent.DIGEST_TAKEN_OVER)
async def take_over(
    button: DigestButton,
    account: Account,
    digests: DigestService,
    channel: Channel,
    user: CurrentUser,
    reply: Reply,
    audit_entry: AuditDraft,
) -> None:
    """Make a digest use the user's connection, and resume it if it is paused."""
    digest = await digests.get(button.digest_id, account.caller)
    if channel.is_shared and not digest.paused:  # on the notice of an earlier pause
        audit_entry.skip()
        await reply("digest/running", digest=digest)
        return
    digest = await views.run("resume", digest, account, digests, user, audit_entry)
    await reply("digest/pause.taken_over", digest=digest)


async def _pause(
    digest: Digest,
    digests: DigestService,
    user: CurrentUser,
    reply: Reply,
    audit_entry: AuditDraft,
) -> None:
    audit_entry.about_digest(digest)
    changed = await digests.pause(digest.id, user.caller)
    audit_entry.mark_made()
    await reply("digest/pause", digest=changed.digest)
    await user.notify(changed.before.owner, "digest/by_others", digest=digest, act="pause")
