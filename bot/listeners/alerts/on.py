"""/emporix alerts on [filters] — this channel hears within a minute of jobs that fail."""

from __future__ import annotations

from dataclasses import replace

from bot.listeners.alerts.off import notify_owners
from bot.models import Account
from bot.say import ids
from bot.say.state import unpack
from bot.services.alerts.alerts import Alerts, TurnedOn
from bot.services.asking import Asking
from bot.services.filters import LocalClock
from bot.services.sharing import Sharing
from bot.slack.channel import Channel
from bot.slack.hear import action, command
from bot.slack.people import People
from bot.slack.reply import Reply


@command(
    "alerts on",
    "[filters]",
    "Tell this channel within a minute of jobs that fail, or of those that the filters say.",
)
async def turn_on(
    text: str,
    account: Account,
    clock: LocalClock,
    asking: Asking,
    alerts: Alerts,
    sharing: Sharing,
    channel: Channel,
    people: People,
) -> None:
    sharing.admit(await channel.audience())
    filters = await asking.read(text, account, clock)
    await channel.enter()
    await _say(await alerts.on(account, channel.id, filters), account, channel, people)


@action(ids.ALERTS_ON_RESUME)
async def resume(
    value: str,
    account: Account,
    alerts: Alerts,
    sharing: Sharing,
    channel: Channel,
    people: People,
    reply: Reply,
) -> None:
    alert_id = str(unpack(value, ids.STATE_ALERT)["alert"])
    await resume_there(alert_id, account, alerts, sharing, channel, people, reply)


async def resume_there(
    alert_id: str,
    account: Account,
    alerts: Alerts,
    sharing: Sharing,
    channel: Channel,
    people: People,
    reply: Reply,
) -> None:
    """Everyone there learns who did it, as with the other verbs."""
    sharing.admit(await channel.audience())
    await channel.enter()
    turned_on = await alerts.resume(account, channel.id, alert_id)
    if turned_on is None:
        await reply("alerts/off", alerts=(), user_id=account.caller.user_id)
    else:
        await _say(turned_on, account, channel, people)


async def _say(turned_on: TurnedOn, account: Account, channel: Channel, people: People) -> None:
    if turned_on.how == "resumed" and turned_on.before:
        before = replace(turned_on.alert, owner=turned_on.before)
        await notify_owners("taken", [before], people)
    await channel.post(
        "alerts/on", alert=turned_on.alert, how=turned_on.how, user_id=account.caller.user_id
    )
