"""Data that is deleted in time: of workspaces without the app, of people who left, old records."""

from __future__ import annotations

import logging

from bot.clockwork.calls import every
from bot.services.departures import Departures
from bot.slack.failures import described
from bot.slack.installation import Installation
from bot.slack.refusals import TROUBLE
from bot.store.audit import AuditLog
from bot.store.shifts import Shifts

logger = logging.getLogger(__name__)

LOOK_SECONDS = 60.0
DAY_SECONDS = 24 * 60 * 60.0


@every(LOOK_SECONDS, while_stopped=True)
async def teams(departures: Departures, installation: Installation, shifts: Shifts) -> None:
    """Resume where the app is installed again, and delete the data of where it stays away."""
    if not await departures.is_any_stopped() or not await shifts.take("teams", LOOK_SECONDS):
        return
    try:
        installed_in = await installation.team()
    except TROUBLE as error:
        logger.warning("whether the app is installed is not known: %s", described(error))
        return
    await departures.settle_teams(installed_in)


@every(LOOK_SECONDS, while_stopped=True)
async def daily(departures: Departures, audit: AuditLog, shifts: Shifts) -> None:
    """Once a day; where it fails, another worker tries again a minute later."""
    if not await shifts.take("retention", LOOK_SECONDS):
        return
    await departures.delete_abandoned()
    if count := await audit.trim():
        logger.info("%d entries of audit logs were too old, and deleted", count)
    await shifts.keep("retention", DAY_SECONDS)
