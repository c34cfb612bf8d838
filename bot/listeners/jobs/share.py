"""Share in channel — shows who will see a job or list, posts it, and turns its pages."""

from __future__ import annotations

from dataclasses import asdict

from bot.domain.accounts import Account
from bot.domain.audit import AuditEvent
from bot.listeners.jobs import views
from bot.rendering import buttons
from bot.rendering.buttons import ListButton, ShareButton
from bot.services.filters.parser import LocalClock
from bot.services.jobs import JobService
from bot.services.sharing import SharingService
from bot.slack.audit import AuditDraft
from bot.slack.conversations import Channel
from bot.slack.decorators import action
from bot.slack.reply import Reply


@action(buttons.JOBS_SHARE_ASK, audit=None)
async def ask(button: ShareButton, sharing: SharingService, channel: Channel, reply: Reply) -> None:
    audience = await channel.audience()
    sharing.admit(audience)
    await reply("jobs/share", audience=audience, state=asdict(button))


@action(buttons.JOBS_SHARE_CONFIRM, replaces=True, audit=AuditEvent.JOBS_SHARED)
async def share(
    button: ShareButton,
    account: Account,
    jobs: JobService,
    sharing: SharingService,
    channel: Channel,
    clock: LocalClock,
    reply: Reply,
    audit_entry: AuditDraft,
) -> None:
    audience = await channel.audience()
    sharing.admit(audience)
    key = channel.message_key
    step = await views.share_once(button, key, account, jobs, sharing, channel, clock, audit_entry)
    is_over = step != "busy"  # if busy, the first click replaces the question
    await reply("jobs/share.done", replace=is_over, step=step, channel_id=audience.channel_id)


@action(buttons.JOBS_SHARE_CANCEL, replaces=True, audit=None)
async def keep_private(reply: Reply) -> None:
    await reply("dismissed", replace=True, action="share")


@action(*buttons.JOBS_SHARE_PAGES, audit=AuditEvent.JOBS_SHARED)
async def turn_page(
    button: ListButton,
    account: Account,
    jobs: JobService,
    sharing: SharingService,
    channel: Channel,
    clock: LocalClock,
    reply: Reply,
    audit_entry: AuditDraft,
) -> None:
    """Turn the page for everyone if the sharer clicked; otherwise, it goes only to the user.

    The private page is read with that user's own connection.
    """
    if button.owner != account.caller.user_id:
        audit_entry.skip()
        page = await sharing.copy_page(account, button.owner, button.cursor, button.page)
        await reply("jobs/list", listing=page)
        return
    sharing.admit(await channel.audience())
    listing = await jobs.go_to_page(account, button.cursor, button.page)
    audit_entry.tenant, audit_entry.count = listing.tenant, len(listing.jobs)
    zone = await views.zone_name(account, clock)
    message = channel.render("jobs/share.list", listing=listing, shared_by=button.owner, zone=zone)
    if not await channel.edit(message):
        audit_entry.skip()
        await reply("jobs/list", listing=listing)
