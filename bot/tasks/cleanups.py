"""Clean-ups go on in the background, and their owners see how."""

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
from bot.slack.errors import SLACK_ERRORS, describe, error_name, retry_seconds
from bot.slack.files import file_name
from bot.slack.posting.notifier import DirectMessages, Notifier
from bot.store.cleanups import CleanupStore

MOST_AT_ONCE = 200

logger = logging.getLogger(__name__)

SLACK_SECONDS = 5.0
"""Deletes do not wait for Slack for longer."""


@periodic(1.0)
async def find_due(now: float, queue: TaskQueue, cleanup_store: CleanupStore) -> None:
    for clean_id in await cleanup_store.due.claim(now, MOST_AT_ONCE):
        await queue.put("clean.run", clean_id, clean_id=clean_id)


@task("clean.run")
async def run(
    clean_id: str,
    errand: TaskContext,
    cleanup_runs: CleanupRuns,
    direct_messages: DirectMessages,
    departures: Departures,
    notifier: Notifier,
) -> None:
    shown = Shown(direct_messages, notifier, errand)
    is_gone = partial(_is_gone, direct_messages, departures)
    owner = CleanupOwner(shown.show, partial(_send, direct_messages), is_gone)
    seconds = await cleanup_runs.run(clean_id, owner)
    if seconds is not None:
        raise RetryLater(seconds, "the clean-up goes on")


async def _is_gone(direct_messages: DirectMessages, departures: Departures, caller: Caller) -> bool:
    """Whether the owner has left Slack; then their API keys are deleted, too."""
    is_gone = await direct_messages.has_left(caller)
    if is_gone:
        await departures.remove_user(caller)
    return is_gone


@dataclass(frozen=True, slots=True)
class Shown:
    """The one direct message of a clean-up, which changes as it goes."""

    direct_messages: DirectMessages
    notifier: Notifier
    errand: TaskContext

    async def show(self, progress: CleanupProgress) -> str:
        """Gives the place of the message. Only the report must get there."""
        clean = progress.cleanup
        if clean.end_reason:
            return await self._report(progress)
        try:
            async with asyncio.timeout(SLACK_SECONDS):
                return await self._put("jobs/clean.progress", progress)
        except (*SLACK_ERRORS, RetryLater) as error:
            logger.warning("the progress of a clean-up is not shown: %s", type(error).__name__)
            return clean.shown_at

    async def _report(self, progress: CleanupProgress) -> str:
        """Raises Later for what passes, as a token that Slack does not accept at the moment."""
        self.errand.owner = progress.cleanup.caller
        self.errand.subject = "the report of a clean-up"
        try:
            return await self._put("jobs/clean.report", progress)
        except SLACK_ERRORS as error:
            if (seconds := retry_seconds(error)) is None:
                raise
            raise RetryLater(seconds, describe(error)) from error

    async def _put(self, template: str, progress: CleanupProgress) -> str:
        """The first is posted once, though Slack may fail after posting, or a worker stop."""
        clean = progress.cleanup
        place = clean.shown_at or await self.notifier.post_direct(
            f"clean:{clean.id}", clean.caller, clean.begun_at, template, progress=progress
        )
        return await self.direct_messages.send_or_update(
            clean.caller, place, template, progress=progress
        )


async def _send(
    direct_messages: DirectMessages, clean: Cleanup, jobs: Sequence[Job], number: int
) -> None:
    """A CSV file with some of the jobs, in a direct message. Raises FileNotSent."""
    # 5,000 jobs take tenths of a second, in which the worker does other things.
    text = await asyncio.to_thread(csv_text, jobs)
    name = file_name("clean-up", f"{clean.tenant}-{clean.id}-{number}", "csv")
    try:
        await direct_messages.send_file(clean.caller, name, text)
    except FileRefused as error:
        logger.warning("the jobs of a clean-up could not be sent: %s", error)
        raise FileNotSent(error.reason, passes=False) from error
    except SLACK_ERRORS as error:
        logger.warning("the jobs of a clean-up could not be sent: %s", error_name(error))
        raise FileNotSent(error_name(error), passes=retry_seconds(error) is not None) from error
