"""/emporix alerts off — this channel hears nothing more."""

from __future__ import annotations

from bot.models import Caller
from bot.say import ids
from bot.say.state import unpack
from bot.services.alerts.alerts import Alerts
from bot.slack.channel import Channel
from bot.slack.hear import action, command
from bot.slack.reply import Reply


@command("alerts off", "", "Turn off all alerts of this channel.")
async def turn_off(caller: Caller, alerts: Alerts, channel: Channel, reply: Reply) -> None:
    await turn_off_there("", caller, alerts, channel, reply)


@action(ids.ALERTS_OFF_ONE)
async def turn_one_off(
    value: str, caller: Caller, alerts: Alerts, channel: Channel, reply: Reply
) -> None:
    alert_id = str(unpack(value, ids.STATE_ALERT)["alert"])
    await turn_off_there(alert_id, caller, alerts, channel, reply)


async def turn_off_there(
    alert_id: str, caller: Caller, alerts: Alerts, channel: Channel, reply: Reply
) -> None:
    """Everyone there learns who did it."""
    off = await alerts.off(caller, channel.id, alert_id)
    tell = channel.post if off else reply
    await tell("alerts/off", alerts=off, user_id=caller.user_id)
