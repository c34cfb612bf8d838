"""/emporix use <tenant> — the tenant that commands mean when they name none."""

from __future__ import annotations

from bot.errors import InvalidInput
from bot.models import Account
from bot.say import ids
from bot.say.state import unpack
from bot.services.accounts import Accounts
from bot.slack.hear import action, command
from bot.slack.reply import Reply


@command("use", "<tenant>", "Make a connected tenant your default.")
async def use(text: str, account: Account, accounts: Accounts, reply: Reply) -> None:
    if not text:
        raise InvalidInput("The tenant is missing", advice="Type /emporix use <tenant>.")
    await reply("use", connection=await accounts.use(account, text))


@action(ids.USE_SWITCH, replaces=True)
async def switch(value: str, account: Account, accounts: Accounts, reply: Reply) -> None:
    tenant = str(unpack(value, ids.STATE_TENANT)["tenant"])
    await reply("use", replace=True, connection=await accounts.use(account, tenant))
