"""Log — what the agents of a job's session wrote down, in a modal to whoever pressed.

It may hold personal data, so it goes nowhere else: no channel, no file, no store.
"""

from __future__ import annotations

from collections.abc import Mapping

from bot.models import Account
from bot.say import ids
from bot.say.state import unpack
from bot.services.session_logs import SessionLogs
from bot.slack.hear import action
from bot.slack.modals import Modal

SEVERITY, ALL = "severity", "all"
"""The block_id of the select, and its value where nothing is left out."""


@action(ids.JOBS_LOG_OPEN, at_once=True, audit=None)
async def open_log(value: str, account: Account, logs: SessionLogs, modal: Modal) -> None:
    unpack(value, ids.STATE_SESSION)
    await modal.open("jobs/log.opening")
    await _show(value, {}, account, logs, modal)


@action(ids.JOBS_LOG_FILTER, audit=None)
async def filter_log(
    memory: str, values: Mapping[str, str], account: Account, logs: SessionLogs, modal: Modal
) -> None:
    await _show(memory, values, account, logs, modal)


@action(ids.JOBS_LOG_NEXT, audit=None)
async def turn_to_next(
    value: str, values: Mapping[str, str], account: Account, logs: SessionLogs, modal: Modal
) -> None:
    await _show(value, values, account, logs, modal)


@action(ids.JOBS_LOG_PREVIOUS, audit=None)
async def turn_to_previous(
    value: str, values: Mapping[str, str], account: Account, logs: SessionLogs, modal: Modal
) -> None:
    await _show(value, values, account, logs, modal)


async def _show(
    value: str, values: Mapping[str, str], account: Account, logs: SessionLogs, modal: Modal
) -> None:
    """The page that `value` names, the first where it names none, of the severity chosen."""
    state, chosen = unpack(value, ids.STATE_SESSION), values.get(SEVERITY, ALL)
    log = await logs.read(
        account,
        str(state["session"]),
        str(state["tenant"]),
        "" if chosen == ALL else chosen,
        int(state.get("page", 1)),
    )
    await modal.update("jobs/log", log=log)
