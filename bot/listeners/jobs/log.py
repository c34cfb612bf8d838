"""Log: shows the log of a job's session in a modal.

A log may contain personal data, so it is not stored, not sent to a channel and not sent as a file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from bot.domain.accounts import Account
from bot.rendering import buttons
from bot.rendering.buttons import SessionButton
from bot.services.filters.parser import LocalClock
from bot.services.session_logs import SessionLogs
from bot.slack.decorators import action
from bot.slack.modals import Modal

SEVERITY, ALL = "severity", "all"
"""The block_id of the select, and its value for lines of every severity."""


@action(buttons.JOBS_LOG_OPEN, at_once=True, audit=None)
async def open_log(
    button: SessionButton,
    account: Account,
    clock: LocalClock,
    session_logs: SessionLogs,
    modal: Modal,
) -> None:
    await modal.open("loading", step="log")
    await _show(button, {}, account, clock, session_logs, modal)


@action(buttons.JOBS_LOG_FILTER, audit=None)
async def filter_log(
    metadata: SessionButton,
    values: Mapping[str, str],
    account: Account,
    clock: LocalClock,
    session_logs: SessionLogs,
    modal: Modal,
) -> None:
    first_page = replace(metadata, page=1)
    await _show(first_page, values, account, clock, session_logs, modal)


@action(*buttons.JOBS_LOG_PAGES, audit=None)
async def turn_page(
    button: SessionButton,
    values: Mapping[str, str],
    account: Account,
    clock: LocalClock,
    session_logs: SessionLogs,
    modal: Modal,
) -> None:
    await _show(button, values, account, clock, session_logs, modal)


async def _show(
    state: SessionButton,
    values: Mapping[str, str],
    account: Account,
    clock: LocalClock,
    session_logs: SessionLogs,
    modal: Modal,
) -> None:
    """Show a page of lines of the chosen severity, with times in the user's time zone."""
    chosen = values.get(SEVERITY, ALL)
    severity = "" if chosen == ALL else chosen
    log = await session_logs.read(
        account,
        state.session_id,
        state.tenant,
        severity,
        state.page,
        hides_technical=state.hides_technical,
    )
    await modal.update("jobs/log", log=log, zone=str(await clock.zone() or ""))
