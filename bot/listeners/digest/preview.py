"""/emporix digest preview [name] — shows a digest as it would be posted now, only to the user."""

from __future__ import annotations

from typing import Any

from bot.domain.accounts import Account, require_connection
from bot.domain.digests import Digest, ScheduledRun
from bot.errors import NoSuchDigest
from bot.rendering import buttons
from bot.rendering.buttons import DigestButton
from bot.services.alerts.lifecycle import AlertResponder
from bot.services.digests import lifecycle
from bot.services.digests.digests import DigestService
from bot.services.digests.form import DigestFormService
from bot.services.digests.history import DailyHistory
from bot.services.digests.report import DigestReports
from bot.services.filters.parser import LocalClock
from bot.slack.conversations import Channel
from bot.slack.decorators import action, command
from bot.slack.reply import Reply


@command("digest preview", "[name]", "Preview a digest; only you see it.", audit=None)
async def preview(
    text: str,
    account: Account,
    clock: LocalClock,
    digests: DigestService,
    digest_reports: DigestReports,
    daily_history: DailyHistory,
    digest_form: DigestFormService,
    alert_responder: AlertResponder,
    channel: Channel,
    reply: Reply,
) -> None:
    try:
        digest = await digests.find_by_name(account.caller, channel.id, text)
    except NoSuchDigest as error:
        if error.names or text:
            raise
        digest = await digest_form.new_digest(account, clock, channel.id)
    services = digest_reports, daily_history, alert_responder
    await _show(digest, account, clock.now(), *services, reply)


@action(buttons.DIGEST_PREVIEW_SHOW, audit=None)
async def preview_from_button(
    button: DigestButton,
    account: Account,
    clock: LocalClock,
    digests: DigestService,
    digest_reports: DigestReports,
    daily_history: DailyHistory,
    alert_responder: AlertResponder,
    reply: Reply,
) -> None:
    digest = await digests.get(button.digest_id, account.caller)
    services = digest_reports, daily_history, alert_responder
    await _show(digest, account, clock.now(), *services, reply)


async def _show(
    digest: Digest,
    account: Account,
    now: float,
    digest_reports: DigestReports,
    daily_history: DailyHistory,
    alert_responder: AlertResponder,
    reply: Reply,
) -> None:
    connection = require_connection(account, digest.tenant)
    window = lifecycle.report_window(digest, ScheduledRun("", now))
    report = await digest_reports.read(connection, digest.filters, window)
    history = None
    if digest.chart and not report.is_quiet:
        history = await daily_history.read(connection, digest.filters, digest.schedule.zone, now)
    team_id, channel_id = account.caller.team_id, digest.channel_id
    unclaimed = await alert_responder.unclaimed_in(team_id, channel_id, digest.tenant)
    facts: dict[str, Any] = {"report": report, "history": history, "unclaimed": unclaimed}
    await reply("digest/preview", digest=digest, **facts)
