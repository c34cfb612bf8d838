"""/emporix tenants, /emporix use <tenant> — lists connected tenants and sets the default one."""

from __future__ import annotations

from bot.domain.accounts import Account
from bot.domain.audit import AuditEvent
from bot.errors import InvalidInput, NotConnected
from bot.rendering import buttons
from bot.rendering.buttons import TenantButton
from bot.services.accounts import AccountService
from bot.slack.audit import AuditDraft
from bot.slack.decorators import action, command
from bot.slack.reply import Reply


@command("tenants", "", "Your connected tenants, and what each API key allows.", audit=None)
async def list_tenants(account: Account, reply: Reply) -> None:
    if not account.connections:
        raise NotConnected
    await reply(
        "tenants",
        connections=tuple(account.connections.values()),
        default_tenant=account.default_tenant,
    )


@command(
    "use", "<tenant>", "Make a connected tenant your default.", audit=AuditEvent.CONNECTION_DEFAULT
)
async def use(
    text: str, account: Account, accounts: AccountService, reply: Reply, audit_entry: AuditDraft
) -> None:
    if not text:
        raise InvalidInput("The tenant is missing", advice="Type /emporix use <tenant>.")
    audit_entry.tenant = text[:100]
    connection = await accounts.use(account, text)
    audit_entry.mark_made()
    await reply("tenants.used", connection=connection)


@action(buttons.TENANTS_SWITCH, replaces=True, audit=AuditEvent.CONNECTION_DEFAULT)
async def switch(
    button: TenantButton,
    account: Account,
    accounts: AccountService,
    reply: Reply,
    audit_entry: AuditDraft,
) -> None:
    audit_entry.tenant = button.tenant
    connection = await accounts.use(account, button.tenant)
    audit_entry.mark_made()
    await reply("tenants.used", replace=True, connection=connection)
