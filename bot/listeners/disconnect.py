"""/emporix disconnect [tenant] — asks, then forgets the connection."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from bot.errors import ShareRefused
from bot.models import Account
from bot.say import ids
from bot.say.state import unpack
from bot.services.accounts import Accounts, connection
from bot.services.alerts.alerts import DISCONNECTED, Alerts
from bot.services.tenants import tenant_name
from bot.services.watches.watching import Watching
from bot.slack.hear import action, command
from bot.slack.home import HomeTab
from bot.slack.place import Place
from bot.slack.reply import Reply
from bot.store.alert_records import Alert


@command("disconnect", "[tenant]", "Delete a tenant's API key, its token, lists and figures.")
async def ask(text: str, account: Account, reply: Reply) -> None:
    held = connection(account, tenant_name(text) if text else "")
    await reply("disconnect", tenant=held.tenant)


@action(ids.DISCONNECT_CONFIRM, replaces=True)
async def disconnect(
    value: str,
    account: Account,
    accounts: Accounts,
    watching: Watching,
    alerts: Alerts,
    place: Place,
    home: HomeTab,
    reply: Reply,
) -> None:
    tenant = str(unpack(value, ids.STATE_TENANT)["tenant"])
    default = await accounts.disconnect(account, tenant)
    watched = await watching.end_all(account.caller, tenant)
    paused = await alerts.orphan(account.caller, tenant)
    await reply(
        "disconnect.done",
        replace=True,
        tenant=tenant,
        default_tenant=default,
        watched=watched,
        channels=sorted({alert.channel_id for alert in paused}),
    )
    await home.keep_up(tenant)
    await _tell(paused, place)


async def _tell(paused: Sequence[Alert], place: Place) -> None:
    """Whoever reads these channels would take their silence for good news."""
    for alert in paused:
        with suppress(ShareRefused):
            channel = place.channel_at(alert.channel_id)
            await channel.post("alerts/orphaned", alert=alert, reason=DISCONNECTED)


@action(ids.DISCONNECT_KEEP, replaces=True)
async def keep(value: str, reply: Reply) -> None:
    tenant = unpack(value, ids.STATE_TENANT)["tenant"]
    await reply("disconnect.kept", replace=True, tenant=tenant)
