"""Clean-ups go on in the background, and their owners see how."""

from __future__ import annotations

import asyncio
import logging
from functools import partial

import aiohttp
from slack_sdk.errors import SlackClientError

from bot.clockwork.calls import Later, Queues, every, task
from bot.services.cleans.progress import Progress
from bot.services.cleans.running import CleanRuns
from bot.slack.directly import Directly

logger = logging.getLogger(__name__)

SLACK_SECONDS = 5.0
"""Deletes do not wait for Slack for longer."""


@every(1.0)
async def find_due(queue: Queues, clean_runs: CleanRuns) -> None:
    for clean_id in await clean_runs.claim_due():
        await queue.put("clean.run", clean_id, clean_id=clean_id)


@task("clean.run")
async def run(clean_id: str, clean_runs: CleanRuns, directly: Directly) -> None:
    seconds = await clean_runs.run(clean_id, partial(_show, directly))
    if seconds is not None:
        raise Later(seconds, "the clean-up goes on")


async def _show(directly: Directly, progress: Progress) -> str:
    """In a direct message, which changes as it goes. Only the report must get there."""
    clean = progress.clean
    if clean.why:
        return await directly.show(
            clean.caller, clean.shown_at, "jobs/clean.report", progress=progress
        )
    try:
        async with asyncio.timeout(SLACK_SECONDS):
            return await directly.show(
                clean.caller, clean.shown_at, "jobs/clean.progress", progress=progress
            )
    except (SlackClientError, aiohttp.ClientError, TimeoutError) as error:
        logger.warning("the progress of a clean-up is not shown: %s", type(error).__name__)
        return clean.shown_at
