"""/emporix connect, /emporix disconnect [tenant] — adds and removes a user's API key."""

from __future__ import annotations

from collections.abc import Mapping

from bot.domain.accounts import Account, Caller, Credentials, require_connection
from bot.domain.audit import AuditEvent
from bot.errors import BotError, CredentialsTyped, InvalidInput, NotConnected
from bot.rendering import buttons
from bot.rendering.buttons import TenantButton
from bot.services.accounts import AccountService
from bot.services.agent_pauses import AgentPauses
from bot.services.alerts.alerts import AlertService
from bot.services.digests.digests import DigestService
from bot.services.filters.definitions import parse_tenant_name
from bot.services.watches import WatchService
from bot.slack.audit import AuditDraft
from bot.slack.decorators import action, command, submission
from bot.slack.home import HomeTab
from bot.slack.modals import Modal, SubmittedModal
from bot.slack.reply import Reply

TENANT, CLIENT_ID, CLIENT_SECRET = "tenant", "client_id", "client_secret"
ACTIONS = "actions"


@command(
    "connect",
    "[tenant]",
    "Connect a tenant with your own Emporix API key.",
    at_once=True,
    audit=None,
)
async def open_form(text: str, modal: Modal) -> None:
    try:
        tenant = parse_tenant_name(text) if text else ""
    except InvalidInput:
        raise CredentialsTyped from None
    await modal.open("connect", tenant=tenant, client_id="", allows_actions=False, error=None)


@action(buttons.CONNECT_OPEN, at_once=True, audit=None)
async def open_form_from_button(button: TenantButton, modal: Modal) -> None:
    facts = {"tenant": button.tenant, "client_id": "", "allows_actions": False}
    await modal.open("connect", error=None, **facts)


@action(buttons.CONNECT_PORTAL, audit=None)
async def open_portal() -> None:
    """Do nothing: Slack opens the link itself, but also sends the click."""


@submission(buttons.CONNECT_SUBMIT, audit=AuditEvent.CONNECTION_ADDED)
async def connect(
    caller: Caller,
    values: Mapping[str, str],
    accounts: AccountService,
    agent_pauses: AgentPauses,
    home: HomeTab,
    modal: SubmittedModal,
    audit_entry: AuditDraft,
) -> None:
    audit_entry.tenant, audit_entry.channel_id = values[TENANT].strip().lower()[:100], ""
    credentials = Credentials(values[CLIENT_ID], values[CLIENT_SECRET])
    connecting = accounts.connect(
        caller, values[TENANT], credentials, allow_actions=bool(values.get(ACTIONS))
    )
    try:
        connection = await modal.within_ack(
            connecting, "loading", step="connect", tenant=values[TENANT]
        )
        audit_entry.tenant = connection.tenant
        audit_entry.detail = "with agent actions" if connection.allows_actions else ""
        audit_entry.mark_made()
        await modal.update("connect.done", connection=connection)
        await home.refresh_if_open(connection.tenant)
    except BotError as error:
        audit_entry.refuse(error)
        await _refuse(error, values, modal)
        return
    pauses = () if connection.can_pause else await agent_pauses.active_of(caller, connection.tenant)
    if pauses:
        await modal.update("connect.done", connection=connection, pauses=pauses)


async def _refuse(error: BotError, values: Mapping[str, str], modal: SubmittedModal) -> None:
    """Show the error under the fields; after the ack, show the form again without the secret."""
    if modal.answered.is_set():
        await modal.update(
            "connect",
            tenant=values[TENANT],
            client_id=values[CLIENT_ID],
            allows_actions=bool(values.get(ACTIONS)),
            error=error,
        )
    else:
        await modal.errors("connect.errors", error=error)


@command(
    "disconnect", "[tenant]", "Disconnect a tenant and delete its API key and data.", audit=None
)
async def ask_to_disconnect(
    text: str, account: Account, agent_pauses: AgentPauses, reply: Reply
) -> None:
    tenant = parse_tenant_name(text) if text else ""
    if not account.connections or (tenant and tenant not in account.connections):
        raise NotConnected(tenant, tuple(account.connections), to_leave=True)
    connection = require_connection(account, tenant)
    pauses = await agent_pauses.active_of(account.caller, connection.tenant)
    await reply("connect.disconnect", tenant=connection.tenant, pauses=pauses)


@action(buttons.CONNECT_DISCONNECT_CONFIRM, replaces=True, audit=AuditEvent.CONNECTION_REMOVED)
async def disconnect(
    button: TenantButton,
    account: Account,
    accounts: AccountService,
    watches: WatchService,
    alerts: AlertService,
    digests: DigestService,
    agent_pauses: AgentPauses,
    home: HomeTab,
    reply: Reply,
    audit_entry: AuditDraft,
) -> None:
    facts = await _disconnect(
        button.tenant, account, accounts, watches, alerts, digests, agent_pauses, audit_entry
    )
    await reply("connect.disconnected", replace=True, **facts)
    await home.refresh_if_open(button.tenant)


@action(buttons.CONNECT_DISCONNECT_ASK, at_once=True, audit=None)
async def ask_in_modal(
    button: TenantButton, caller: Caller, agent_pauses: AgentPauses, modal: Modal
) -> None:
    await modal.open("home/confirm", act="disconnect", tenant=button.tenant)
    if pauses := await agent_pauses.active_of(caller, button.tenant):
        await modal.update("home/confirm", act="disconnect", tenant=button.tenant, pauses=pauses)


@submission(buttons.CONNECT_DISCONNECT_SUBMIT, audit=AuditEvent.CONNECTION_REMOVED)
async def disconnect_from_modal(
    metadata: TenantButton,
    caller: Caller,
    accounts: AccountService,
    watches: WatchService,
    alerts: AlertService,
    digests: DigestService,
    agent_pauses: AgentPauses,
    home: HomeTab,
    modal: SubmittedModal,
    audit_entry: AuditDraft,
) -> None:
    await modal.update("loading", step="disconnect")
    account = await accounts.load(caller)
    facts = await _disconnect(
        metadata.tenant, account, accounts, watches, alerts, digests, agent_pauses, audit_entry
    )
    await modal.end_with("connect.disconnected", **facts)
    await home.refresh_if_open(metadata.tenant)


async def _disconnect(
    tenant: str,
    account: Account,
    accounts: AccountService,
    watches: WatchService,
    alerts: AlertService,
    digests: DigestService,
    agent_pauses: AgentPauses,
    audit_entry: AuditDraft,
) -> dict[str, object]:
    """Disconnect a tenant, stop its watches, alerts and digests; return facts for the reply."""
    audit_entry.tenant = tenant
    default = await accounts.disconnect(account, tenant)
    audit_entry.mark_made()
    watched = await watches.end_all(account.caller, tenant)
    paused = await alerts.pause_disconnected(account.caller, tenant)
    stopped = await digests.pause_disconnected(account.caller, tenant)
    audit_entry.count = len(paused) + len(stopped)
    return {
        "tenant": tenant,
        "default_tenant": default,
        "watched": watched,
        "channels": sorted({alert.channel_id for alert in paused}),
        "digest_channels": sorted({digest.channel_id for digest in stopped}),
        "pauses": await agent_pauses.active_of(account.caller, tenant),
    }


@action(buttons.CONNECT_DISCONNECT_CANCEL, replaces=True, audit=None)
async def keep_connection(button: TenantButton, reply: Reply) -> None:
    await reply("dismissed", replace=True, action="disconnect", subject=button.tenant)
