"""/emporix alerts off — this channel hears nothing more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bot.models import Caller
from bot.say import ids
from bot.say.state import unpack
from bot.services.alerts.alerts import Alerts
from bot.slack.channel import Channel
from bot.slack.directly import Directly
from bot.slack.hear import action, command
from bot.slack.reply import Reply
from bot.store.alert_records import Alert


@command("alerts off", "", "Turn off all alerts of this channel.")
async def turn_off(
    caller: Caller, alerts: Alerts, channel: Channel, directly: Directly, reply: Reply
) -> None:
    await turn_off_there("", caller, alerts, channel, directly, reply)


@action(ids.ALERTS_OFF_ONE)
async def turn_one_off(
    value: str, caller: Caller, alerts: Alerts, channel: Channel, directly: Directly, reply: Reply
) -> None:
    alert_id = str(unpack(value, ids.STATE_ALERT)["alert"])
    await turn_off_there(alert_id, caller, alerts, channel, directly, reply)


async def turn_off_there(
    alert_id: str,
    caller: Caller,
    alerts: Alerts,
    channel: Channel,
    directly: Directly,
    reply: Reply,
) -> None:
    """Everyone there learns who did it; so do the owners, wherever they are."""
    off = await alerts.off(caller, channel.id, alert_id)
    await notify_owners("off", off, caller, directly)
    tell = channel.post if off else reply
    await tell("alerts/off", alerts=off, user_id=caller.user_id)


async def notify_owners(
    what: str, changed: Sequence[Alert], caller: Caller, directly: Directly, **facts: Any
) -> None:
    """Each owner but the caller reads what was done to their alerts: `off`, `muted` or `taken`."""
    for owner in {alert.owner for alert in changed} - {caller}:
        theirs = [alert for alert in changed if alert.owner == owner]
        facts |= {"what": what, "alerts": theirs, "user_id": caller.user_id}
        await directly.notify(owner, "alerts/off.owner", **facts)
