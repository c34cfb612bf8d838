"""/emporix alerts list — what this channel hears of, and what keeps it from that."""

from __future__ import annotations

from bot.listeners.jobs import views
from bot.models import Account, Caller
from bot.say import buttons
from bot.say.buttons import ListButton
from bot.services.filters import LocalClock
from bot.services.jobs import Jobs
from bot.slack.channel import Channel
from bot.slack.hear import action, command
from bot.slack.reply import Reply
from bot.store.alerts import AlertStore


@command("alerts list", "", "The alerts of this channel.", also=("alerts",), audit=None)
async def list_alerts(
    caller: Caller, clock: LocalClock, alert_store: AlertStore, channel: Channel, reply: Reply
) -> None:
    there = await alert_store.of_channel(caller.team_id, channel.id)
    await reply("alerts/list", alerts=there, now=clock.now())


@action(buttons.ALERTS_LIST_JOBS, audit=None)
async def list_jobs(button: ListButton, account: Account, jobs: Jobs, reply: Reply) -> None:
    """By the presser's own connection, for the presser alone."""
    await views.show_list(await jobs.again(account, button.query), reply)
