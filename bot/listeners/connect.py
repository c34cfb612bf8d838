"""/emporix connect [tenant] — a modal for an Emporix API key, tried before it is kept."""

from __future__ import annotations

from collections.abc import Mapping

from bot.errors import BotError, CredentialsTyped, InvalidInput
from bot.models import Caller, Credentials
from bot.say import buttons
from bot.say.buttons import TenantButton
from bot.services.accounts import Accounts
from bot.services.tenants import tenant_name
from bot.slack.auditing import AuditDraft
from bot.slack.hear import action, command, submission
from bot.slack.home import HomeTab
from bot.slack.modals import Modal, SubmittedModal
from bot.store.audit_events import AuditEvent

TENANT, CLIENT_ID, CLIENT_SECRET = "tenant", "client_id", "client_secret"


@command(
    "connect",
    "[tenant]",
    "Connect a tenant with your own Emporix API key.",
    at_once=True,
    audit=None,
)
async def open_form(text: str, modal: Modal) -> None:
    try:
        tenant = tenant_name(text) if text else ""
    except InvalidInput:
        raise CredentialsTyped from None
    await modal.open("connect", tenant=tenant, client_id="", error=None)


@action(buttons.CONNECT_OPEN, at_once=True, audit=None)
async def open_form_from_button(button: TenantButton, modal: Modal) -> None:
    await modal.open("connect", tenant=button.tenant, client_id="", error=None)


@submission(buttons.CONNECT_SUBMIT, audit=AuditEvent.CONNECTION_ADDED)
async def connect(
    caller: Caller,
    values: Mapping[str, str],
    accounts: Accounts,
    home: HomeTab,
    modal: SubmittedModal,
    audit_entry: AuditDraft,
) -> None:
    audit_entry.tenant, audit_entry.channel_id = values[TENANT].strip().lower()[:100], ""
    credentials = Credentials(values[CLIENT_ID], values[CLIENT_SECRET])
    connecting = accounts.connect(caller, values[TENANT], credentials)
    try:
        connection = await modal.within_ack(connecting, "connect.checking", tenant=values[TENANT])
        audit_entry.tenant = connection.tenant
        audit_entry.made()
        await modal.update("connect.done", connection=connection)
        await home.keep_up(connection.tenant)
    except BotError as error:
        audit_entry.refuse(error)
        await _refuse(error, values, modal)


async def _refuse(error: BotError, values: Mapping[str, str], modal: SubmittedModal) -> None:
    """Under the fields while that is possible; else the form once more, all but the secret."""
    if modal.answered.is_set():
        await modal.update(
            "connect", tenant=values[TENANT], client_id=values[CLIENT_ID], error=error
        )
    else:
        await modal.errors("connect.errors", error=error)
