"""Clean-ups go on in the background, and their owners see how."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from functools import partial

import aiohttp
from slack_sdk.errors import SlackClientError

from bot.clockwork.calls import Errand, Later, Queues, every, task
from bot.emporix.models import Job
from bot.errors import FileRefused
from bot.models import Caller
from bot.say.csv_text import csv_text
from bot.services.cleans.needs import FileNotSent, Owner
from bot.services.cleans.progress import Progress
from bot.services.cleans.running import CleanRuns
from bot.services.departures import Departures
from bot.slack.directly import Directly
from bot.slack.failures import described
from bot.slack.files import file_name
from bot.slack.refusals import TOKEN_SECONDS, TROUBLE, named, passes_in, refuses_token
from bot.store.cleans import Clean

logger = logging.getLogger(__name__)

SLACK_SECONDS = 5.0
"""Deletes do not wait for Slack for longer."""


@every(1.0)
async def find_due(queue: Queues, clean_runs: CleanRuns) -> None:
    for clean_id in await clean_runs.claim_due():
        await queue.put("clean.run", clean_id, clean_id=clean_id)


@task("clean.run")
async def run(
    clean_id: str,
    errand: Errand,
    clean_runs: CleanRuns,
    directly: Directly,
    departures: Departures,
) -> None:
    is_gone = partial(_is_gone, directly, departures)
    owner = Owner(partial(_show, directly, errand), partial(_send, directly), is_gone)
    seconds = await clean_runs.run(clean_id, owner)
    if seconds is not None:
        raise Later(seconds, "the clean-up goes on")


async def _is_gone(directly: Directly, departures: Departures, caller: Caller) -> bool:
    """Whether the owner has left Slack; then their API keys are deleted, too."""
    is_gone = await directly.is_gone(caller)
    if is_gone:
        await departures.remove_user(caller)
    return is_gone


async def _show(directly: Directly, errand: Errand, progress: Progress) -> str:
    """In a direct message, which changes as it goes. Only the report must get there."""
    clean = progress.clean
    if clean.why:
        return await _report(directly, errand, progress)
    try:
        async with asyncio.timeout(SLACK_SECONDS):
            return await directly.show(
                clean.caller, clean.shown_at, "jobs/clean.progress", progress=progress
            )
    except (SlackClientError, aiohttp.ClientError, TimeoutError) as error:
        logger.warning("the progress of a clean-up is not shown: %s", type(error).__name__)
        return clean.shown_at


async def _report(directly: Directly, errand: Errand, progress: Progress) -> str:
    """Raises Later while Slack refuses the app's token: then no other attempt is counted."""
    clean = progress.clean
    try:
        return await directly.show(
            clean.caller, clean.shown_at, "jobs/clean.report", progress=progress
        )
    except SlackClientError as error:
        if not refuses_token(error):
            raise
        errand.owner, errand.about = clean.caller, "the report of a clean-up"
        raise Later(TOKEN_SECONDS, described(error)) from error


async def _send(directly: Directly, clean: Clean, jobs: Sequence[Job], number: int) -> None:
    """A CSV file with some of the jobs, in a direct message. Raises FileNotSent."""
    # 5,000 jobs take tenths of a second, in which the worker does other things.
    text = await asyncio.to_thread(csv_text, jobs)
    name = file_name("clean-up", f"{clean.tenant}-{clean.id}-{number}", "csv")
    try:
        await directly.share(clean.caller, name, text)
    except FileRefused as error:
        logger.warning("the jobs of a clean-up could not be sent: %s", error)
        raise FileNotSent(error.reason, passes=False) from error
    except TROUBLE as error:
        logger.warning("the jobs of a clean-up could not be sent: %s", named(error))
        raise FileNotSent(named(error), passes=passes_in(error) is not None) from error
