"""/emporix alerts list — what this channel hears of, and what keeps it from that."""

from __future__ import annotations

from bot.domain.accounts import Account, Caller
from bot.rendering import buttons
from bot.rendering.buttons import ListButton
from bot.services.filters.parser import LocalClock
from bot.services.jobs import JobService
from bot.slack.conversations import Channel
from bot.slack.decorators import action, command
from bot.slack.reply import Reply
from bot.store.alerts import AlertStore


@command("alerts list", "", "The alerts of this channel.", also=("alerts",), audit=None)
async def list_alerts(
    caller: Caller, clock: LocalClock, alert_store: AlertStore, channel: Channel, reply: Reply
) -> None:
    there = await alert_store.of_channel(caller.team_id, channel.id)
    await reply("alerts/list", alerts=there, now=clock.now())


@action(buttons.ALERTS_LIST_JOBS, audit=None)
async def list_jobs(button: ListButton, account: Account, jobs: JobService, reply: Reply) -> None:
    """By the presser's own connection, for the presser alone."""
    await reply("jobs/list", listing=await jobs.reopen(account, button.query), deletion=None)
