"""Share in channel — says who will see it, posts it, and turns its pages."""

from __future__ import annotations

from collections.abc import Mapping

from bot.listeners.jobs.list import show
from bot.models import Account
from bot.say import ids
from bot.say.state import unpack
from bot.services.jobs import Jobs
from bot.services.sharing import Sharing
from bot.slack.auditing import AuditDraft
from bot.slack.channel import Channel
from bot.slack.hear import action
from bot.slack.reply import Reply
from bot.store.audit_events import AuditEvent


@action(ids.JOBS_SHARE_ASK, audit=None)
async def ask(value: str, sharing: Sharing, channel: Channel, reply: Reply) -> None:
    state = unpack(value, ids.STATE_SHARE)
    audience = await channel.audience()
    sharing.admit(audience)
    await reply("jobs/share", audience=audience, state=state)


@action(ids.JOBS_SHARE_CONFIRM, replaces=True, audit=AuditEvent.JOBS_SHARED)
async def share(
    value: str,
    account: Account,
    jobs: Jobs,
    sharing: Sharing,
    channel: Channel,
    reply: Reply,
    audit_entry: AuditDraft,
) -> None:
    audience = await channel.audience()
    sharing.admit(audience)
    async with sharing.once(account.caller, channel.place) as step:
        if step == "new":
            state = unpack(value, ids.STATE_SHARE)
            await post(state, account, jobs, sharing, channel, audit_entry)
        else:
            audit_entry.skip()
    is_over = step != "busy"  # while it goes on, the first press replaces the question
    await reply("jobs/share.done", replace=is_over, step=step, channel_id=audience.channel_id)


@action(ids.JOBS_SHARE_KEEP, replaces=True, audit=None)
async def keep_private(reply: Reply) -> None:
    await reply("jobs/share.kept", replace=True)


@action(ids.JOBS_SHARE_NEXT, audit=AuditEvent.JOBS_SHARED)
async def turn_to_next(
    value: str,
    account: Account,
    jobs: Jobs,
    sharing: Sharing,
    channel: Channel,
    reply: Reply,
    audit_entry: AuditDraft,
) -> None:
    await _turn(value, account, jobs, sharing, channel, reply, audit_entry)


@action(ids.JOBS_SHARE_PREVIOUS, audit=AuditEvent.JOBS_SHARED)
async def turn_to_previous(
    value: str,
    account: Account,
    jobs: Jobs,
    sharing: Sharing,
    channel: Channel,
    reply: Reply,
    audit_entry: AuditDraft,
) -> None:
    await _turn(value, account, jobs, sharing, channel, reply, audit_entry)


async def post(
    state: Mapping[str, str | int],
    account: Account,
    jobs: Jobs,
    sharing: Sharing,
    channel: Channel,
    audit_entry: AuditDraft,
) -> None:
    """What the question was about, as it is now: Slack does not show us a private message again."""
    user_id, audit_entry.channel_id = account.caller.user_id, channel.id
    if "cursor" in state:
        listing = await sharing.share_list(account, str(state["cursor"]), int(state["page"]))
        audit_entry.tenant, audit_entry.count = listing.tenant, len(listing.jobs)
        await channel.post("jobs/share.list", listing=listing, shared_by=user_id)
    else:
        audit_entry.tenant, audit_entry.subject = str(state["tenant"]), str(state["job"])
        card = await jobs.get(account, str(state["job"]), str(state["tenant"]))
        await channel.post("jobs/share.card", card=card, shared_by=user_id)


async def _turn(
    value: str,
    account: Account,
    jobs: Jobs,
    sharing: Sharing,
    channel: Channel,
    reply: Reply,
    audit_entry: AuditDraft,
) -> None:
    """For all when the sharer turns; anybody else gets the page alone, with rights of their own."""
    state, user_id = unpack(value, ids.STATE_SHARED_LIST), account.caller.user_id
    owner, cursor, page = str(state["owner"]), str(state["cursor"]), int(state["page"])
    if owner != user_id:
        audit_entry.skip()
        await show(await sharing.own_page(account, owner, cursor, page), reply)
        return
    sharing.admit(await channel.audience())
    listing = await jobs.turn(account, cursor, page)
    audit_entry.tenant, audit_entry.count = listing.tenant, len(listing.jobs)
    message = channel.render("jobs/share.list", listing=listing, shared_by=user_id)
    if not await channel.edit(message):
        audit_entry.skip()
        await show(listing, reply)
