"""/emporix alerts unmute — what has happened meanwhile is summed up, and the rest is told again."""

from __future__ import annotations

from bot.models import Caller
from bot.say import ids
from bot.say.state import unpack
from bot.services.alerts.alerts import Alerts
from bot.slack.channel import Channel
from bot.slack.hear import action, command
from bot.slack.reply import Reply


@command("alerts unmute", "", "Hear this channel's alerts again.")
async def unmute(caller: Caller, alerts: Alerts, channel: Channel, reply: Reply) -> None:
    await unmute_there("", caller, alerts, channel, reply)


@action(ids.ALERTS_UNMUTE_ONE)
async def unmute_one(
    value: str, caller: Caller, alerts: Alerts, channel: Channel, reply: Reply
) -> None:
    alert_id = str(unpack(value, ids.STATE_ALERT)["alert"])
    await unmute_there(alert_id, caller, alerts, channel, reply)


async def unmute_there(
    alert_id: str, caller: Caller, alerts: Alerts, channel: Channel, reply: Reply
) -> None:
    heard = await alerts.mute(caller, channel.id, 0.0, alert_id)
    tell = channel.post if heard else reply
    await tell("alerts/unmute", alerts=heard, user_id=caller.user_id)
