"""/emporix jobs watch [id], /emporix jobs unwatch <id>: get a message when a running job ends."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial

from bot.domain.accounts import Account, Caller
from bot.domain.audit import AuditEvent
from bot.domain.lists import ListCursor
from bot.domain.watches import NO_MESSAGE, MessageRef
from bot.listeners.jobs import views
from bot.rendering import buttons
from bot.rendering.buttons import JobButton, ModalOrigin
from bot.services.jobs import JobService
from bot.services.references import parse_job_id
from bot.services.watches import StartedWatch, WatchService, job_duration
from bot.slack.audit import AuditDraft
from bot.slack.conversations import Channel
from bot.slack.decorators import action, command
from bot.slack.modals import Modal
from bot.slack.reply import Reply
from bot.store.watches import WatchStore


@command(
    "jobs watch",
    "[id]",
    "Get a message when a running job ends; without an ID, list the jobs that you watch.",
    also=("jobs watching", "jobs watch list", "watches"),
    audit=AuditEvent.WATCH_STARTED,
)
async def watch_job(
    text: str,
    account: Account,
    watches: WatchService,
    watch_store: WatchStore,
    reply: Reply,
    audit_entry: AuditDraft,
) -> None:
    if not text:
        audit_entry.skip()
        await reply("jobs/watch.list", watches=await watch_store.of_owner(account.caller))
        return
    audit_entry.subject = wanted = parse_job_id(text)
    await _reply(await watches.start(account, wanted), NO_MESSAGE, reply, audit_entry)


@action(buttons.JOBS_WATCH_START, audit=AuditEvent.WATCH_STARTED)
async def start(
    button: JobButton,
    account: Account,
    watches: WatchService,
    channel: Channel,
    reply: Reply,
    audit_entry: AuditDraft,
) -> None:
    audit_entry.subject, audit_entry.tenant = button.job_id, button.tenant
    place = NO_MESSAGE
    if channel.is_shared:
        place = MessageRef(channel.id, channel.message_ts, button.shared_by)
    started = await watches.start(account, button.job_id, button.tenant, place)
    await _reply(started, place, reply, audit_entry)


@action(buttons.JOBS_WATCH_START_OPENED, audit=AuditEvent.WATCH_STARTED)
async def start_in_modal(
    button: JobButton,
    metadata: ModalOrigin,
    account: Account,
    cursor: ListCursor | None,
    watches: WatchService,
    jobs: JobService,
    watch_store: WatchStore,
    modal: Modal,
    audit_entry: AuditDraft,
) -> None:
    """Watch the job shown in the modal, which then offers to stop watching."""
    audit_entry.subject, audit_entry.tenant = button.job_id, button.tenant
    started = await watches.start(account, button.job_id, button.tenant)
    _record_start(started, audit_entry)
    changed = replace(metadata, is_changed=True)
    await views.show_job(
        button, changed, account, cursor, jobs, watch_store, modal, card=started.card
    )


@action(buttons.JOBS_WATCH_STOP_OPENED, audit=AuditEvent.WATCH_STOPPED)
async def stop_in_modal(
    button: JobButton,
    metadata: ModalOrigin,
    account: Account,
    cursor: ListCursor | None,
    watches: WatchService,
    jobs: JobService,
    watch_store: WatchStore,
    modal: Modal,
    audit_entry: AuditDraft,
) -> None:
    audit_entry.subject, audit_entry.tenant = button.job_id, button.tenant
    if not await watches.stop(account.caller, button.tenant, button.job_id):
        audit_entry.skip()
    audit_entry.mark_made()
    changed = replace(metadata, is_changed=True)
    await views.show_job(button, changed, account, cursor, jobs, watch_store, modal)


@action(buttons.JOBS_WATCH_STOP, replaces=True, audit=AuditEvent.WATCH_STOPPED)
async def stop(
    button: JobButton,
    caller: Caller,
    watches: WatchService,
    watch_store: WatchStore,
    reply: Reply,
    audit_entry: AuditDraft,
) -> None:
    audit_entry.subject, audit_entry.tenant = button.job_id, button.tenant
    if not await watches.stop(caller, button.tenant, button.job_id):
        audit_entry.skip()
    await reply("jobs/watch.list", replace=True, watches=await watch_store.of_owner(caller))


@command("jobs unwatch", "<id>", "Stop watching a job.", audit=AuditEvent.WATCH_STOPPED)
async def unwatch(
    text: str, caller: Caller, watches: WatchService, reply: Reply, audit_entry: AuditDraft
) -> None:
    await _stop("", parse_job_id(text), caller, watches, audit_entry, reply)


@action(buttons.JOBS_WATCH_STOP_ONE, replaces=True, audit=AuditEvent.WATCH_STOPPED)
async def unwatch_one(
    button: JobButton, caller: Caller, watches: WatchService, reply: Reply, audit_entry: AuditDraft
) -> None:
    tenant, wanted = button.tenant, button.job_id
    await _stop(tenant, wanted, caller, watches, audit_entry, partial(reply, replace=True))


async def _reply(
    started: StartedWatch, place: MessageRef, reply: Reply, audit_entry: AuditDraft
) -> None:
    card = started.card
    _record_start(started, audit_entry)
    if not started.watched:
        await reply("jobs/watch.ended", card=card, seconds=job_duration(card.job))
        return
    await reply(
        "jobs/watch",
        job=card.job,
        job_id=card.job.id,
        tenant=card.tenant,
        already=started.already,
        in_thread=place != NO_MESSAGE,
    )


def _record_start(started: StartedWatch, audit_entry: AuditDraft) -> None:
    audit_entry.tenant = started.card.tenant
    audit_entry.mark_made()
    if started.already or not started.watched:
        audit_entry.skip()


async def _stop(
    tenant: str,
    wanted: str,
    caller: Caller,
    watches: WatchService,
    audit_entry: AuditDraft,
    reply: Callable[..., Awaitable[None]],
) -> None:
    audit_entry.tenant, audit_entry.subject = tenant, wanted
    watch = await watches.stop(caller, tenant, wanted)
    if not watch:
        audit_entry.skip()
    await reply("jobs/watch.stopped", job_id=wanted, watch=watch)
