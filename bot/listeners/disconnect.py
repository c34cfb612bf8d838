"""/emporix disconnect [tenant] — asks, then forgets the connection."""

from __future__ import annotations

from bot.models import Account
from bot.say import buttons
from bot.say.buttons import TenantButton
from bot.services.accounts import Accounts, connection
from bot.services.alerts.alerts import Alerts
from bot.services.digests.digests import Digests
from bot.services.tenants import tenant_name
from bot.services.watches.watching import Watching
from bot.slack.auditing import AuditDraft
from bot.slack.hear import action, command
from bot.slack.home import HomeTab
from bot.slack.reply import Reply
from bot.store.audit_events import AuditEvent


@command(
    "disconnect", "[tenant]", "Delete a tenant's API key, its token, lists and figures.", audit=None
)
async def ask(text: str, account: Account, reply: Reply) -> None:
    held = connection(account, tenant_name(text) if text else "")
    await reply("disconnect", tenant=held.tenant)


@action(buttons.DISCONNECT_CONFIRM, replaces=True, audit=AuditEvent.CONNECTION_REMOVED)
async def disconnect(
    button: TenantButton,
    account: Account,
    accounts: Accounts,
    watching: Watching,
    alerts: Alerts,
    digests: Digests,
    home: HomeTab,
    reply: Reply,
    audit_entry: AuditDraft,
) -> None:
    tenant = button.tenant
    audit_entry.tenant = tenant
    default = await accounts.disconnect(account, tenant)
    audit_entry.made()
    watched = await watching.end_all(account.caller, tenant)
    paused = await alerts.orphan(account.caller, tenant)
    stopped = await digests.orphan(account.caller, tenant)
    audit_entry.count = len(paused) + len(stopped)
    await reply(
        "disconnect.done",
        replace=True,
        tenant=tenant,
        default_tenant=default,
        watched=watched,
        channels=sorted({alert.channel_id for alert in paused}),
        digest_channels=sorted({digest.channel_id for digest in stopped}),
    )
    await home.keep_up(tenant)


@action(buttons.DISCONNECT_KEEP, replaces=True, audit=None)
async def keep(button: TenantButton, reply: Reply) -> None:
    await reply("disconnect.kept", replace=True, tenant=button.tenant)
