"""Runs clean-ups in the background, and shows their progress to their owners."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from bot.domain.accounts import Caller
from bot.domain.cleanups import Cleanup, CleanupProgress
from bot.domain.jobs import Job
from bot.errors import FileRefused, RetryLater
from bot.rendering.jobs_csv import csv_text
from bot.scheduler.tasks import TaskContext, TaskQueue, periodic, task
from bot.services.cleanups.run import CleanupOwner, CleanupRuns, FileNotSent
from bot.services.departures import Departures
from bot.slack.conversations import file_name
from bot.slack.errors import SLACK_ERRORS, describe, error_name, retry_seconds
from bot.slack.posting.notifier import DirectMessages, Notifier
from bot.store.cleanups import CleanupStore

MAX_DUE = 200

logger = logging.getLogger(__name__)

PROGRESS_TIMEOUT_SECONDS = 5.0
"""Time limit for a progress update, so that Slack can't delay the deletes for longer."""


@periodic(1.0)
async def queue_due_cleanups(now: float, queue: TaskQueue, cleanup_store: CleanupStore) -> None:
    for cleanup_id in await cleanup_store.due.claim(now, MAX_DUE):
        await queue.put("cleanups.run", cleanup_id, cleanup_id=cleanup_id)


@task
async def run(
    cleanup_id: str,
    context: TaskContext,
    cleanup_runs: CleanupRuns,
    direct_messages: DirectMessages,
    departures: Departures,
    notifier: Notifier,
) -> None:
    shown = ProgressMessage(direct_messages, notifier, context)
    is_gone = partial(_is_gone, direct_messages, departures)
    owner = CleanupOwner(shown.show, partial(_send_file, direct_messages), is_gone)
    seconds = await cleanup_runs.run(cleanup_id, owner)
    if seconds is not None:
        raise RetryLater(seconds, "the clean-up continues")


async def _is_gone(direct_messages: DirectMessages, departures: Departures, caller: Caller) -> bool:
    """Whether the owner has left Slack; if so, their API keys are deleted too."""
    is_gone = await direct_messages.has_left(caller)
    if is_gone:
        await departures.remove_user(caller)
    return is_gone


@dataclass(frozen=True, slots=True)
class ProgressMessage:
    """The direct message of a clean-up, updated with its progress and its report."""

    direct_messages: DirectMessages
    notifier: Notifier
    context: TaskContext

    async def show(self, progress: CleanupProgress) -> str:
        """Show progress and return the message's location; raises only errors of the report."""
        cleanup = progress.cleanup
        if cleanup.end_reason:
            return await self._report(progress)
        try:
            async with asyncio.timeout(PROGRESS_TIMEOUT_SECONDS):
                return await self._put("jobs/clean.progress", progress)
        except (*SLACK_ERRORS, RetryLater) as error:
            logger.warning("could not show the progress of a clean-up: %s", type(error).__name__)
            return cleanup.progress_message

    async def _report(self, progress: CleanupProgress) -> str:
        """Show the report; raises RetryLater for errors such as a temporarily rejected token."""
        self.context.owner = progress.cleanup.caller
        self.context.subject = "the report of a clean-up"
        try:
            return await self._put("jobs/clean.report", progress)
        except SLACK_ERRORS as error:
            if (seconds := retry_seconds(error)) is None:
                raise
            raise RetryLater(seconds, describe(error)) from error

    async def _put(self, template: str, progress: CleanupProgress) -> str:
        """Update the message, or post it once, even if Slack then fails or the worker stops."""
        cleanup = progress.cleanup
        caller = cleanup.caller
        facts = {"progress": progress, "zone": await self.notifier.zone_name(caller)}
        place = cleanup.progress_message or await self.notifier.post_direct(
            f"cleanup:{cleanup.id}", caller, cleanup.started_at, template, **facts
        )
        return await self.direct_messages.send_or_update(caller, place, template, **facts)


async def _send_file(
    direct_messages: DirectMessages, cleanup: Cleanup, jobs: Sequence[Job], number: int
) -> None:
    """Send part of the jobs as a CSV file in a direct message. Raises FileNotSent."""
    # Formatting 5,000 jobs takes tenths of a second: a thread keeps the worker responsive.
    text = await asyncio.to_thread(csv_text, jobs)
    name = file_name("clean-up", f"{cleanup.tenant}-{cleanup.id}-{number}", "csv")
    try:
        await direct_messages.send_file(cleanup.caller, name, text)
    except FileRefused as error:
        logger.warning("the jobs of a clean-up could not be sent: %s", error)
        raise FileNotSent(error.reason, passes=False) from error
    except SLACK_ERRORS as error:
        logger.warning("the jobs of a clean-up could not be sent: %s", error_name(error))
        raise FileNotSent(error_name(error), passes=retry_seconds(error) is not None) from error
