"""/emporix tenants — which tenants are connected, which is the default, what each may do."""

from __future__ import annotations

from bot.errors import NotConnected
from bot.models import Account
from bot.slack.hear import command
from bot.slack.reply import Reply


@command("tenants", "", "Your connected tenants, and what each key may do.", audit=None)
async def list_tenants(account: Account, reply: Reply) -> None:
    if not account.connections:
        raise NotConnected
    await reply(
        "tenants",
        connections=tuple(account.connections.values()),
        default_tenant=account.default_tenant,
    )
