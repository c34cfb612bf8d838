"""What several listeners of jobs show: lists, the search form, shared jobs and deleted ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from bot.domain.accounts import Account, Caller, require_connection
from bot.domain.jobs import DeletedJob
from bot.domain.lists import ListCursor
from bot.errors import (
    EmporixFailed,
    EmporixTimeout,
    EmporixUnreachable,
    EmporixUnreadable,
    InvalidInput,
    InvalidRequest,
    OutdatedButton,
    RateLimited,
)
from bot.rendering.buttons import ListButton, ShareButton
from bot.rendering.message_rows import job_row_numbers, shared_jobs, with_rows_replaced
from bot.services.deletes import SharedDeletes
from bot.services.filters.form import FilterForm
from bot.services.filters.parser import LocalClock
from bot.services.jobs import JobList, JobService
from bot.services.sharing import SharingService
from bot.slack.audit import AuditDraft
from bot.slack.conversations import Channel
from bot.slack.modals import Modal
from bot.slack.origin import Origin
from bot.store.forms import FormStore
from bot.store.idempotency import OnceStep

Correctable: TypeAlias = (
    InvalidInput
    | InvalidRequest
    | EmporixFailed
    | EmporixTimeout
    | EmporixUnreachable
    | EmporixUnreadable
    | RateLimited
)
"""After these the form comes back with all that was filled in, to be submitted again."""


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
    error: Correctable | None = None,
    note: str = "",
    list_: str = "",
) -> None:
    """Show the filter form for the user's tenants; raises NotConnected.

    `list_` leads to the list that it changes, empty where it makes a new one.
    """
    connection = require_connection(account, form.tenant)
    await modal.update(
        "jobs/filter",
        form=form,
        tenant=connection.tenant,
        tenants=tuple(account.connections),
        error=error,
        note=note,
        list=list_,
    )


async def zone_name(account: Account, clock: LocalClock) -> str:
    """The user's time zone, as in the IANA database; "" if it is not known."""
    return account.time_zone or str(await clock.zone() or "")


async def keep_original(account: Account, forms: FormStore, origin: Origin) -> str:
    """The key of what it takes to change the message; "" where it is not ours, or shows no jobs."""
    blocks = origin.message.get("blocks")
    if not origin.is_own_message or not isinstance(blocks, Sequence) or not shared_jobs(blocks):
        return ""
    message = {"text": origin.message.get("text") or "…", "blocks": blocks}
    return await forms.save(account.caller, {**origin.serialize(), "message": message})


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
    """The job or list as it is now: Slack does not show the app a private message again."""
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
    """Show everyone what is deleted of a shared message; False where Slack refuses."""
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
    """Show everyone who deleted the job, in its place; False where Slack refuses."""
    async with shared_deletes.lock_message(caller, channel.message_key):
        if in_list:
            return await channel.edit(await _in_its_list(caller, shared_deletes, channel))
        return await channel.edit(channel.render("jobs/delete_in_channel", deleted=deleted))


async def _in_its_list(
    caller: Caller, shared_deletes: SharedDeletes, channel: Channel
) -> dict[str, Any]:
    """The shared list, with each deleted job replaced by a line that says so.

    The click shows us the list as it was then; jobs that others have deleted since are looked up,
    too, or this change would bring their rows back.
    """
    jobs = job_row_numbers(channel.message["blocks"])
    known = await shared_deletes.deleted_jobs(caller, list(jobs.values()))
    lines = {row: [_line(channel, known[job])] for row, job in jobs.items() if job in known}
    blocks = with_rows_replaced(channel.message["blocks"], lines)
    return {"text": channel.message["text"], "blocks": blocks}


def _line(channel: Channel, deleted: DeletedJob) -> Mapping[str, Any]:
    line: Mapping[str, Any] = channel.render("jobs/delete_in_channel", deleted=deleted)["blocks"][0]
    return line
