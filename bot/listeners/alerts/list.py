"""/emporix alerts list — shows this channel's alerts and their problems."""

from __future__ import annotations

from typing import Any

from bot.domain.accounts import Account, Caller
from bot.rendering import buttons
from bot.rendering.buttons import ListButton
from bot.services.alerts.conditions import silence_active_from
from bot.services.filters.parser import LocalClock
from bot.services.jobs import JobService
from bot.slack.conversations import Channel
from bot.slack.decorators import action, command
from bot.slack.reply import Reply
from bot.store.alerts import AlertStore


@command("alerts list", "", "List this channel's alerts.", also=("alerts",), audit=None)
async def list_alerts(
    caller: Caller, clock: LocalClock, alert_store: AlertStore, channel: Channel, reply: Reply
) -> None:
    there = await alert_store.of_channel(caller.team_id, channel.id)
    silent = {alert.id: silence_active_from(alert) for alert in there if alert.condition.silent}
    facts: dict[str, Any] = {"active_from": silent, "channel_id": channel.id}
    await reply("alerts/list", alerts=there, now=clock.now(), **facts)


@action(buttons.ALERTS_LIST_JOBS, audit=None)
async def list_jobs(button: ListButton, account: Account, jobs: JobService, reply: Reply) -> None:
    """List the alert's jobs privately, with the connection of the user who clicked."""
    await reply("jobs/list", listing=await jobs.reopen(account, button.query))
