"""/emporix jobs watch [id] — hear when a running job ends; without an id, the jobs you watch."""

from __future__ import annotations

from bot.models import Account, Caller
from bot.say import ids
from bot.say.state import unpack
from bot.services.job_ids import job_id
from bot.services.watches.schedule import duration
from bot.services.watches.watching import NOWHERE, Place, Started, Watching
from bot.slack.auditing import AuditDraft
from bot.slack.channel import Channel
from bot.slack.hear import action, command
from bot.slack.reply import Reply
from bot.store.audit_events import AuditEvent
from bot.store.watches import WatchStore


@command(
    "jobs watch",
    "[id]",
    "Hear when a running job ends; without an id, the jobs that you watch.",
    also=("jobs watching",),
    audit=AuditEvent.WATCH_STARTED,
)
async def watch_job(
    text: str,
    account: Account,
    watching: Watching,
    watch_store: WatchStore,
    reply: Reply,
    audit_entry: AuditDraft,
) -> None:
    if not text:
        audit_entry.skip()
        await reply("jobs/watch.list", watches=await watch_store.of(account.caller))
        return
    audit_entry.subject = wanted = job_id(text)
    await _say(await watching.start(account, wanted), NOWHERE, reply, audit_entry)


@action(ids.JOBS_WATCH_START, audit=AuditEvent.WATCH_STARTED)
async def start(
    value: str,
    account: Account,
    watching: Watching,
    channel: Channel,
    reply: Reply,
    audit_entry: AuditDraft,
) -> None:
    state = unpack(value, ids.STATE_WATCH)
    audit_entry.subject, audit_entry.tenant = str(state["job"]), str(state["tenant"])
    place = NOWHERE
    if channel.is_shared:
        place = Place(channel.id, channel.message_ts, str(state.get("by", "")))
    started = await watching.start(account, str(state["job"]), str(state["tenant"]), place)
    await _say(started, place, reply, audit_entry)


@action(ids.JOBS_WATCH_STOP, replaces=True, audit=AuditEvent.WATCH_STOPPED)
async def stop(
    value: str,
    caller: Caller,
    watching: Watching,
    watch_store: WatchStore,
    reply: Reply,
    audit_entry: AuditDraft,
) -> None:
    state = unpack(value, ids.STATE_JOB)
    audit_entry.subject, audit_entry.tenant = str(state["job"]), str(state["tenant"])
    if not await watching.stop(caller, str(state["tenant"]), str(state["job"])):
        audit_entry.skip()
    await reply("jobs/watch.list", replace=True, watches=await watch_store.of(caller))


async def _say(started: Started, place: Place, reply: Reply, audit_entry: AuditDraft) -> None:
    card = started.card
    audit_entry.tenant = card.tenant
    audit_entry.made()
    if started.already or not started.watched:
        audit_entry.skip()
    if not started.watched:
        await reply("jobs/watch.ended", card=card, seconds=duration(card.job))
        return
    await reply(
        "jobs/watch",
        job_id=card.job.id,
        tenant=card.tenant,
        already=started.already,
        in_thread=place != NOWHERE,
    )
