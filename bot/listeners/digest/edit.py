"""Change button of a digest — opens the form; a saved digest uses the editor's connection."""

from __future__ import annotations

from bot.domain.accounts import Account, require_connection
from bot.domain.audit import AuditEvent
from bot.listeners.digest import views
from bot.rendering import buttons
from bot.rendering.buttons import DigestButton
from bot.services.digests.digests import DigestService
from bot.services.digests.form import DigestDraft
from bot.slack.decorators import action, submission
from bot.slack.modals import Modal


@action(buttons.DIGEST_EDIT_OPEN, at_once=True, audit=None)
async def open_form(
    button: DigestButton, account: Account, digests: DigestService, modal: Modal
) -> None:
    await views.open_loading(modal)
    digest = await digests.get(button.digest_id, account.caller)
    require_connection(account)
    await views.show_form(modal, account, DigestDraft.of(digest), button.digest_id)


change = submission(buttons.DIGEST_EDIT_SUBMIT, audit=AuditEvent.DIGEST_CHANGED)(views.save)
