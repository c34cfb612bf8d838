"""Log — shows the log of a job's session in a modal, to the person who clicked.

It may hold personal data, so it goes nowhere else: no channel, no file, no store.
"""

from __future__ import annotations

from collections.abc import Mapping

from bot.domain.accounts import Account
from bot.rendering import buttons
from bot.rendering.buttons import SessionButton
from bot.services.session_logs import SessionLogs
from bot.slack.decorators import action
from bot.slack.modals import Modal

SEVERITY, ALL = "severity", "all"
"""The block_id of the select, and its value where nothing is left out."""


@action(buttons.JOBS_LOG_OPEN, at_once=True, audit=None)
async def open_log(
    button: SessionButton, account: Account, session_logs: SessionLogs, modal: Modal
) -> None:
    await modal.open("loading", step="log")
    await _show(button, {}, account, session_logs, modal)


@action(buttons.JOBS_LOG_FILTER, audit=None)
async def filter_log(
    metadata: SessionButton,
    values: Mapping[str, str],
    account: Account,
    session_logs: SessionLogs,
    modal: Modal,
) -> None:
    await _show(metadata, values, account, session_logs, modal)


@action(*buttons.JOBS_LOG_PAGES, audit=None)
async def turn_page(
    button: SessionButton,
    values: Mapping[str, str],
    account: Account,
    session_logs: SessionLogs,
    modal: Modal,
) -> None:
    await _show(button, values, account, session_logs, modal)


async def _show(
    state: SessionButton,
    values: Mapping[str, str],
    account: Account,
    session_logs: SessionLogs,
    modal: Modal,
) -> None:
    """A page of the lines of the chosen severity."""
    chosen = values.get(SEVERITY, ALL)
    severity = "" if chosen == ALL else chosen
    log = await session_logs.read(account, state.session_id, state.tenant, severity, state.page)
    await modal.update("jobs/log", log=log)
