"""Change button of a digest — opens the form; a saved digest uses the editor's connection."""

from __future__ import annotations

from collections.abc import Mapping

from bot.domain.accounts import Account, require_connection
from bot.domain.audit import AuditEvent
from bot.listeners.digest import views
from bot.rendering import buttons
from bot.rendering.buttons import DigestButton
from bot.services.digests.digests import DigestService
from bot.services.digests.form import DigestDraft, DigestFormService
from bot.services.filters.parser import LocalClock
from bot.slack.audit import AuditDraft
from bot.slack.conversations import DigestChannels
from bot.slack.decorators import action, submission
from bot.slack.home import HomeTab
from bot.slack.modals import Modal, SubmittedModal
from bot.slack.origin import Origin
from bot.slack.users import CurrentUser


@action(buttons.DIGEST_EDIT_OPEN, at_once=True, audit=None)
async def open_form(
    button: DigestButton, account: Account, digests: DigestService, modal: Modal
) -> None:
    await views.opening(modal)
    digest = await digests.get(button.digest_id, account.caller)
    require_connection(account)
    await views.show_form(modal, account, DigestDraft.of(digest), button.digest_id)


@submission(buttons.DIGEST_EDIT_SUBMIT, audit=AuditEvent.DIGEST_CHANGED)
async def change(
    metadata: DigestButton,
    values: Mapping[str, str],
    clock: LocalClock,
    digests: DigestService,
    digest_form: DigestFormService,
    digest_channels: DigestChannels,
    user: CurrentUser,
    home: HomeTab,
    modal: SubmittedModal,
    origin: Origin,
    audit_entry: AuditDraft,
) -> None:
    await views.save(
        modal,
        user,
        clock,
        values,
        digests,
        digest_form,
        digest_channels,
        origin,
        audit_entry,
        metadata,
    )
    await home.refresh_if_open()
