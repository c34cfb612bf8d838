"""Views that several job listeners share: lists, the search form, shared and deleted jobs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, TypeAlias

from bot.domain.accounts import Account, Caller, require_connection
from bot.domain.jobs import RUNNING, DeletedJob
from bot.domain.lists import JobStep, ListCursor, place_in
from bot.errors import (
    EmporixFailed,
    EmporixTimeout,
    EmporixUnreachable,
    EmporixUnreadable,
    InvalidInput,
    InvalidRequest,
    NotFound,
    OutdatedButton,
    RateLimited,
)
from bot.rendering.buttons import JobButton, ListButton, ModalOrigin, ShareButton, group_value
from bot.rendering.message_rows import (
    job_row_numbers,
    jobs_to_open,
    jobs_with_open_button,
    shared_jobs,
    with_buttons_replaced,
    with_rows_replaced,
)
from bot.services.deletes import SharedDeletes
from bot.services.filters.form import FilterForm
from bot.services.filters.parser import LocalClock
from bot.services.jobs import JobCard, JobList, JobService
from bot.services.session_logs import SessionLogs
from bot.services.sharing import SharingService
from bot.slack.audit import AuditDraft
from bot.slack.conversations import Channel, Origin
from bot.slack.modals import Modal
from bot.store.idempotency import OnceStep
from bot.store.ui_state import FormStore
from bot.store.watches import WatchStore

Correctable: TypeAlias = (
    InvalidInput
    | InvalidRequest
    | EmporixFailed
    | EmporixTimeout
    | EmporixUnreachable
    | EmporixUnreadable
    | RateLimited
)
"""Errors after which the form is shown again, filled in as before, to be corrected."""


@dataclass(frozen=True, slots=True)
class ShownJob:
    """A job and the view of the modal that shows it."""

    card: JobCard
    view: Mapping[str, Any]


async def page_of(
    button: ListButton, account: Account, cursor: ListCursor | None, jobs: JobService
) -> JobList:
    """The page that a button names; raises OutdatedButton, with the query to run again."""
    read = jobs.refresh if button.fresh else jobs.go_to_page
    try:
        return await read(account, button.cursor, button.page, cursor)
    except OutdatedButton as error:
        raise OutdatedButton(query=button.query) from error


async def show_form(
    form: FilterForm,
    account: Account,
    modal: Modal,
    *,
    error: Correctable | NotFound | None = None,
    note: str = "",
    list_id: str = "",
    over_newer: bool = False,
) -> None:
    """Show the filter form for the user's tenants; raises NotConnected.

    `list_id` identifies the list that the form changes; "" if it creates a new one. `over_newer`:
    also if the modal has changed since the click.
    """
    connection = require_connection(account, form.tenant)
    facts = {
        "form": form,
        "tenant": connection.tenant,
        "tenants": tuple(account.connections),
        "error": error,
        "note": note,
        "list_id": list_id,
    }
    if over_newer:
        await modal.update_other(modal.id, modal.render("jobs/filter", **facts))
    else:
        await modal.update("jobs/filter", **facts)


async def zone_name(account: Account, clock: LocalClock) -> str:
    """The user's time zone, as in the IANA database; "" if it is not known."""
    return account.time_zone or str(await clock.zone() or "")


async def keep_original(account: Account, forms: FormStore, origin: Origin) -> str:
    """Save the message to change it later, and return its key.

    The key is "" if the message is not from the app or has no jobs.
    """
    original = _original(origin)
    return await forms.save(account.caller, original) if original else ""


def _original(origin: Origin) -> dict[str, object] | None:
    blocks = origin.message.get("blocks")
    if not origin.is_own_message or not isinstance(blocks, Sequence) or not shared_jobs(blocks):
        return None
    message = {"text": origin.message.get("text") or "…", "blocks": blocks}
    return {**origin.serialize(), "message": message}


async def save_origin(
    button: JobButton, below: Mapping[str, Any], caller: Caller, forms: FormStore, origin: Origin
) -> tuple[ModalOrigin, bool | None]:
    """Return where a job was opened, and save it, to update the list or message there later.

    `below` is a snapshot of the modal with the button; its id is "" if a message has it. The same
    round trip finds out whether the user watches the job; None if there is nothing to save.
    """
    parent, facts = origin.of_modal, _original(origin)
    if button.cursor and not origin.message:
        page = {"cursor": button.cursor, "page": button.page, "view_id": below["id"]}
        facts = {**origin.serialize(), **page}
    elif below["id"]:
        facts = {"below": below, "original": parent.form}
    form, is_watched = parent.form, None
    if facts:
        job = button.tenant, button.job_id
        form, is_watched = await forms.save_and_check_watch(caller, facts, *job)
    channel_id, thread_ts = origin.thread
    opened = ModalOrigin(
        form=form,
        channel_id=channel_id,
        thread_ts=thread_ts,
        cursor=button.cursor,
        page=button.page,
        shared_by=button.shared_by,
        group=button.group or _group_around(button, origin),
    )
    return opened, is_watched


def _group_around(button: JobButton, origin: Origin) -> str:
    """Return the jobs shown together with this one; "" for a list, which has its own order."""
    if button.cursor:
        return ""
    return group_value(jobs_to_open(origin.blocks, button.tenant), button.job_id)


async def show_job(
    button: JobButton,
    opened: ModalOrigin,
    account: Account,
    cursor: ListCursor | None,
    jobs: JobService,
    watch_store: WatchStore,
    modal: Modal,
    *,
    card: JobCard | None = None,
    is_watched: bool | None = None,
) -> ShownJob | None:
    """Show a job with buttons to its neighbors, and say so if it was deleted.

    `button` names the job, and `cursor` belongs to the list in `opened`. `card` and `is_watched`
    are passed if they are known already. Returns None if the job was deleted or the modal is
    closed or shows newer content.
    """
    if cursor:
        step, from_end = JobStep(button.job_id, button.page), button.part == "last"
        place = await jobs.locate(account, step, cursor, from_end=from_end)
        is_same_list = place.cursor == opened.cursor
        shared_by = opened.shared_by if is_same_list else ""
        opened = replace(opened, cursor=place.cursor, page=place.page, shared_by=shared_by)
    else:
        place = place_in(opened.group.split("\n"), button.job_id)
    card = card or await _card(account, place.job_id, button.tenant, jobs)
    if is_watched is None and card and card.job.status == RUNNING:
        is_watched = await watch_store.has(account.caller, button.tenant, place.job_id)
    view = modal.render(
        "jobs/get.modal",
        card=card,
        tenant=button.tenant,
        place=place,
        is_watched=bool(is_watched),
        origin=asdict(opened),
    )
    return ShownJob(card, view) if await modal.show(view) and card else None


async def add_log(
    shown: ShownJob | None, account: Account, session_logs: SessionLogs, modal: Modal
) -> None:
    """Add the duration and the first lines of its log to a job, below everything else.

    So no button moves when they arrive. Nothing is added if they take too long, or if the modal
    was closed or shows newer content by then.
    """
    if shown is None:
        return
    job = shown.card.job
    if log := await session_logs.read_of_job(account, shown.card.tenant, job):
        await modal.try_append(shown.view, "jobs/get.log", log=log, job=job)


async def _card(account: Account, job_id: str, tenant: str, jobs: JobService) -> JobCard | None:
    """None if the job was deleted."""
    if not job_id:  # the list is empty now
        return None
    try:
        return await jobs.get(account, job_id, tenant)
    except NotFound as error:
        if error.resource != "job":
            raise
        return None


async def update_list(
    opened: ModalOrigin,
    account: Account,
    jobs: JobService,
    shared_deletes: SharedDeletes,
    forms: FormStore,
    origin: Origin,
    modal: Modal,
) -> None:
    """Update the list behind a modal, once; if Slack refuses, the list's buttons still work."""
    saved = await forms.take(account.caller, opened.form) if opened.form else None
    if saved and "below" in saved:
        await _show_deleted_below(saved["below"], account.caller, shared_deletes, modal)
    if not saved or "cursor" not in saved:
        return
    listing = await jobs.go_to_page(account, saved["cursor"], saved["page"])
    if saved["view_id"]:
        view = modal.render("jobs/search_results", listing=listing)
        await modal.update_other(saved["view_id"], view)
    else:
        message = modal.render("jobs/list", listing=listing)
        await origin.reply_at(saved).post(message, replace=True)


async def _show_deleted_below(
    below: Mapping[str, Any], caller: Caller, shared_deletes: SharedDeletes, modal: Modal
) -> None:
    """Replace the rows of deleted jobs in the found jobs below, where `below` is a snapshot."""
    view = below["view"]
    known = await shared_deletes.deleted_jobs(caller, jobs_with_open_button(view["blocks"]))
    for job, deleted in known.items():
        line = modal.render("jobs/delete_mentioned.line", already_gone=not deleted.user_id)
        view["blocks"] = with_buttons_replaced(view["blocks"], *job, line["blocks"])
    if known:
        await modal.update_other(below["id"], view, below["hash"])


async def share_once(
    shared: ShareButton,
    key: str,
    account: Account,
    jobs: JobService,
    sharing: SharingService,
    channel: Channel,
    clock: LocalClock,
    audit_entry: AuditDraft,
) -> OnceStep:
    """Post a job or a list unless the same click, `key`, has done so already."""
    async with sharing.share_once(account.caller, key) as step:
        if step == "new":
            zone = await zone_name(account, clock)
            await _post(shared, account, jobs, sharing, channel, zone, audit_entry)
        else:
            audit_entry.skip()
    return step


async def _post(
    shared: ShareButton,
    account: Account,
    jobs: JobService,
    sharing: SharingService,
    channel: Channel,
    zone: str,
    audit_entry: AuditDraft,
) -> None:
    """Post the job or list as it is now: the app can't read its private messages from Slack."""
    user_id, audit_entry.channel_id = account.caller.user_id, channel.id
    if shared.cursor:
        listing = await sharing.share_list(account, shared.cursor, shared.page)
        audit_entry.tenant, audit_entry.count = listing.tenant, len(listing.jobs)
        await channel.post("jobs/share.list", listing=listing, shared_by=user_id, zone=zone)
    else:
        audit_entry.tenant, audit_entry.subject = shared.tenant, shared.job_id
        card = await jobs.get(account, shared.job_id, shared.tenant)
        await channel.post("jobs/share.card", card=card, shared_by=user_id, zone=zone)


async def show_deleted(caller: Caller, shared_deletes: SharedDeletes, channel: Channel) -> bool:
    """Show everyone which jobs of a shared message are deleted; False if Slack refuses."""
    blocks = channel.message["blocks"]
    known = await shared_deletes.deleted_jobs(caller, shared_jobs(blocks))
    deleted = next(iter(known.values()), None)
    if deleted is None:
        return True
    in_list = bool(job_row_numbers(blocks))
    return await show_deletion(deleted, caller, shared_deletes, channel, in_list=in_list)


async def show_deletion(
    deleted: DeletedJob,
    caller: Caller,
    shared_deletes: SharedDeletes,
    channel: Channel,
    *,
    in_list: bool,
) -> bool:
    """Replace the job by a line that says who deleted it; False if Slack refuses."""
    async with shared_deletes.lock_message(caller, channel.message_key):
        if in_list:
            return await channel.edit(await _updated_list(caller, shared_deletes, channel))
        return await channel.edit(channel.render("jobs/delete_in_channel", deleted=deleted))


async def _updated_list(
    caller: Caller, shared_deletes: SharedDeletes, channel: Channel
) -> dict[str, Any]:
    """The shared list, with each deleted job replaced by a line that says so.

    The click contains the list as it was then. Jobs that others have deleted since are looked up,
    too; otherwise this change would restore their rows.
    """
    jobs = job_row_numbers(channel.message["blocks"])
    known = await shared_deletes.deleted_jobs(caller, list(jobs.values()))
    lines = {row: [_line(channel, known[job])] for row, job in jobs.items() if job in known}
    blocks = with_rows_replaced(channel.message["blocks"], lines)
    return {"text": channel.message["text"], "blocks": blocks}


def _line(channel: Channel, deleted: DeletedJob) -> Mapping[str, Any]:
    line: Mapping[str, Any] = channel.render("jobs/delete_in_channel", deleted=deleted)["blocks"][0]
    return line
