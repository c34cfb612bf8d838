"""/emporix use <tenant> — the tenant that commands mean when they name none."""

from __future__ import annotations

from bot.errors import InvalidInput
from bot.models import Account
from bot.say import buttons
from bot.say.buttons import TenantButton
from bot.services.accounts import Accounts
from bot.slack.auditing import AuditDraft
from bot.slack.hear import action, command
from bot.slack.reply import Reply
from bot.store.audit_events import AuditEvent


@command(
    "use", "<tenant>", "Make a connected tenant your default.", audit=AuditEvent.CONNECTION_DEFAULT
)
async def use(
    text: str, account: Account, accounts: Accounts, reply: Reply, audit_entry: AuditDraft
) -> None:
    if not text:
        raise InvalidInput("The tenant is missing", advice="Type /emporix use <tenant>.")
    audit_entry.tenant = text[:100]
    connection = await accounts.use(account, text)
    audit_entry.made()
    await reply("use", connection=connection)


@action(buttons.USE_SWITCH, replaces=True, audit=AuditEvent.CONNECTION_DEFAULT)
async def switch(
    button: TenantButton,
    account: Account,
    accounts: Accounts,
    reply: Reply,
    audit_entry: AuditDraft,
) -> None:
    audit_entry.tenant = button.tenant
    connection = await accounts.use(account, button.tenant)
    audit_entry.made()
    await reply("use", replace=True, connection=connection)
