"""Share button in a modal — shows who will see the jobs, and posts them to a thread or channel.

Users may leave a channel while the form is open, so membership is checked before each step.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace

from bot.domain.accounts import Audience, Caller
from bot.domain.audit import AuditEvent
from bot.listeners.jobs import views
from bot.rendering import buttons
from bot.rendering.buttons import JobButton, ListButton, ModalOrigin, ShareButton
from bot.services.accounts import AccountService
from bot.services.filters.parser import LocalClock
from bot.services.jobs import JobService
from bot.services.sharing import SharingService
from bot.slack.audit import AuditDraft
from bot.slack.conversations import DIRECT_MESSAGE_PREFIX, Channel, Origin
from bot.slack.decorators import action, submission
from bot.slack.modals import Modal, SubmittedModal
from bot.slack.users import CurrentUser


@action(buttons.JOBS_SHARE_MENTIONED_ASK, at_once=True, audit=None)
async def ask(
    button: JobButton,
    metadata: ModalOrigin,
    sharing: SharingService,
    origin: Origin,
    user: CurrentUser,
    modal: Modal,
) -> None:
    """Offer the channel where the job was opened; without one, the user selects a channel."""
    shared = ShareButton(metadata.channel_id, metadata.thread_ts, button.tenant, button.job_id)
    if not shared.channel_id or shared.channel_id.startswith(DIRECT_MESSAGE_PREFIX):
        shared = replace(shared, channel_id="", thread_ts="")
        await modal.open("jobs/share_mentioned.choose", state=asdict(shared))
        return
    await modal.open("loading", step="audience")
    await _ask(shared, sharing, origin, user, modal)


@action(buttons.JOBS_SHARE_MENTIONED_CHOOSE, at_once=True, audit=None)
async def choose(button: ListButton, modal: Modal) -> None:
    shared = ShareButton(cursor=button.cursor, page=button.page)
    await modal.open("jobs/share_mentioned.choose", state=asdict(shared))


@submission(buttons.JOBS_SHARE_MENTIONED_CHOSEN, audit=None)
async def ask_about_channel(
    values: Mapping[str, str],
    metadata: ShareButton,
    sharing: SharingService,
    origin: Origin,
    user: CurrentUser,
    modal: SubmittedModal,
) -> None:
    await modal.update("loading", step="audience")
    shared = replace(metadata, channel_id=values["channel"])
    await _ask(shared, sharing, origin, user, modal)


@submission(buttons.JOBS_SHARE_MENTIONED_CONFIRM, audit=AuditEvent.JOBS_SHARED)
async def share(
    caller: Caller,
    metadata: ShareButton,
    accounts: AccountService,
    jobs: JobService,
    sharing: SharingService,
    origin: Origin,
    user: CurrentUser,
    clock: LocalClock,
    modal: SubmittedModal,
    audit_entry: AuditDraft,
) -> None:
    await modal.update("loading", step="share")
    audit_entry.channel_id = metadata.channel_id
    channel = origin.channel_at(metadata.channel_id, thread_ts=metadata.thread_ts)
    account, audience = await accounts.load(caller), await _admitted(channel, sharing, user)
    key = modal.id
    step = await views.share_once(
        metadata, key, account, jobs, sharing, channel, clock, audit_entry
    )
    await modal.update("jobs/share_mentioned.done", step=step, channel_id=audience.channel_id)


async def _ask(
    shared: ShareButton, sharing: SharingService, origin: Origin, user: CurrentUser, modal: Modal
) -> None:
    """Ask for confirmation, and show who will see the jobs."""
    audience = await _admitted(origin.channel_at(shared.channel_id), sharing, user)
    await modal.update("jobs/share_mentioned", audience=audience, state=asdict(shared))


async def _admitted(channel: Channel, sharing: SharingService, user: CurrentUser) -> Audience:
    """The audience of a channel; raises ShareRefused, or NotInChannel for non-members."""
    audience = await channel.audience()
    sharing.admit(audience)
    await user.must_be_in(channel.id)
    return audience
