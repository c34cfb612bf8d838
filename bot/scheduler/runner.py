"""Runs periodic and queued tasks, retries failed ones, and notifies owners when it gives up."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias, TypedDict

from slack_sdk.errors import SlackClientError

from bot.errors import BotError, RetryLater, StoreUnavailable
from bot.logs import new_reference
from bot.metrics import TASKS, WORK_IS_STOPPED
from bot.scheduler.tasks import PeriodicTask, ScheduledFunction, TaskContext, TaskRegistry
from bot.slack.error_handler import ErrorHandler
from bot.slack.errors import describe, refuses_token
from bot.slack.posting.notifier import DirectMessages
from bot.store.accounts import StoppedTeams
from bot.store.errors import REDIS_ERROR_LOG

logger = logging.getLogger(__name__)

MAX_TASK_ATTEMPTS = 12
"""Including the pauses between them, the attempts take about three minutes."""

STOPPED_RETRY_SECONDS = 60.0
"""Retry interval of a task while the app is not installed."""

MIN_BACKOFF_SECONDS, MAX_BACKOFF_SECONDS = 2.0, 20.0
"""The maximum also limits a task's remaining wait after the cause of its failures is gone."""

TASK_TIMEOUT_SECONDS = 600
"""A task that takes longer is cancelled and counts as failed."""

MAX_GIVE_UP_ATTEMPTS = 12
"""Number of attempts to report that a task has failed permanently."""

LONG_DELAY_SECONDS = 60 * 60
"""A task postponed for this long, for the same reason, is logged as a warning."""

MAX_DELAY_REASONS = 20

Delays: TypeAlias = dict[str, list[float]]
"""Maps a reason to its first delay's time (seconds since 1970), and 1 if a warning was logged.

Stored with the task as JSON.
"""


class TaskValues(TypedDict, total=False):
    """Task parameters other than services and the arguments of queued tasks.

    `now` is in seconds since 1970; `context` is available to queued tasks only.
    """

    now: float
    context: TaskContext


class TaskRunner:
    """Runs tasks; `services` is a dataclass with a field for each service."""

    def __init__(
        self,
        calls: TaskRegistry,
        services: object,
        failures: ErrorHandler,
        direct_messages: DirectMessages,
        clock: Callable[[], float],
        stopped: StoppedTeams,
    ) -> None:
        self._tasks, self._services = calls, services
        self._error_handler, self._direct_messages, self._clock = failures, direct_messages, clock
        self._stopped_teams, self._is_stopped = stopped, False
        self.running = 0

    async def run_periodic(self, task: PeriodicTask) -> None:
        """Run a periodic task. Errors are logged; the next call tries again."""
        new_reference()
        try:
            if task.while_stopped or not await self._is_paused():
                await self._call(task, TaskValues(now=self._clock()))
            TASKS.count(task.name, "ok")
        except Exception as error:  # noqa: BLE001 - the worker's outermost loop
            TASKS.count(task.name, "failed")
            _log_error(task.name, error)

    async def run_queued(
        self,
        name: str,
        failures: int,
        arguments: Mapping[str, Any],
        waits: Delays | None = None,
    ) -> None:
        """Run a queued task that has failed `failures` times; raises RetryLater to run it again.

        `waits` is updated when the task is postponed.
        """
        task = self._tasks.queued.get(name)
        context = TaskContext(name, failures, new_reference())
        if task is None:
            self._postpone_unknown(name, failures, {} if waits is None else waits)
            return
        self.running += 1
        try:
            if await self._is_paused():
                raise RetryLater(
                    STOPPED_RETRY_SECONDS, "the app is not installed in its workspace", failures
                )
            async with asyncio.timeout(TASK_TIMEOUT_SECONDS):
                values = TaskValues(now=self._clock(), context=context)
                await self._call(task, {**arguments, **values})
            TASKS.count(name, "ok")
        except RetryLater as later:
            TASKS.count(name, "postponed")
            if context.owner is not None and refuses_token(later.__cause__):
                await self._stopped_teams.mark_revoked(context.owner.team_id)
            _log_delay(name, later.reason, {} if waits is None else waits, self._clock())
            raise RetryLater(later.seconds, later.reason, failures) from later
        except Exception as error:  # noqa: BLE001 - the worker's outermost loop
            await self._handle_failure(context, error)
        finally:
            self.running -= 1

    def _postpone_unknown(self, name: str, failures: int, waits: Delays) -> None:
        """Leave a task to workers of the version that queued it, a limited number of times."""
        if failures + 1 < MAX_TASK_ATTEMPTS:
            reason, after = "this version doesn't know it", failures + 1
            TASKS.count(name, "postponed")
            _log_delay(name, reason, waits, self._clock())
            raise RetryLater(backoff_seconds(after), reason, after)
        logger.error("unknown task %s", name)
        TASKS.count(name, "failed")

    async def _is_paused(self) -> bool:
        """Whether scheduled work is paused; changes are logged."""
        is_stopped = bool(await self._stopped_teams.load_all())
        if is_stopped and not self._is_stopped:
            logger.error("scheduled work stops: the app was uninstalled, or its token revoked")
        elif self._is_stopped and not is_stopped:
            logger.warning("scheduled work resumes: the app is installed again")
        self._is_stopped = is_stopped
        WORK_IS_STOPPED.set(is_stopped)
        return is_stopped

    async def _handle_failure(self, context: TaskContext, error: Exception) -> None:
        """Retry a task or give it up. Raises only RetryLater, and a limited number of times."""
        _log_error(context.task, error)
        TASKS.count(context.task, "failed")
        failures = context.failures + 1
        if failures < MAX_TASK_ATTEMPTS:
            raise RetryLater(
                backoff_seconds(failures), f"attempt {failures} failed", failures
            ) from error
        try:
            await self._give_up(context, error)
        except Exception as trouble:
            logger.error("could not report the failure of %s: %s", context.task, describe(trouble))
            if failures < MAX_TASK_ATTEMPTS + MAX_GIVE_UP_ATTEMPTS:
                seconds = (
                    trouble.seconds
                    if isinstance(trouble, RetryLater)
                    else backoff_seconds(failures)
                )
                raise RetryLater(seconds, "its failure was not reported", failures) from trouble
        TASKS.count(context.task, "given_up")
        words = error.template if isinstance(error, BotError) else describe(error)
        logger.error("%s was given up after %d attempts: %s", context.task, failures, words)

    async def _give_up(self, context: TaskContext, error: Exception) -> None:
        if context.on_give_up is not None:
            await context.on_give_up()
        if context.owner is not None:
            surface = self._direct_messages.reply_about(context.owner, context.subject)
            await self._error_handler.show(error, context.reference, surface)

    async def _call(self, called: ScheduledFunction, given: Mapping[str, object]) -> None:
        needed = {
            name: given[name] if name in given else getattr(self._services, name)
            for name in called.parameters
        }
        await called.function(**needed)


def backoff_seconds(failures: int) -> float:
    """The pause in seconds after this many failures; it grows up to the maximum."""
    return min(MIN_BACKOFF_SECONDS * 2.0 ** (failures - 1), MAX_BACKOFF_SECONDS)


def _log_delay(name: str, reason: str, waits: Delays, now: float) -> None:
    """Log a task's first delay for each reason, and a warning if the delay lasts long."""
    if reason not in waits:
        logger.info("%s is postponed: %s", name, reason)
        while len(waits) >= MAX_DELAY_REASONS:
            waits.pop(next(iter(waits)))
        waits[reason] = [now, 0]
    since, is_old = waits[reason]
    if not is_old and now - since >= LONG_DELAY_SECONDS:
        waits[reason] = [since, 1]
        minutes = (now - since) / 60
        logger.warning("%s has been postponed for %.0f minutes: %s", name, minutes, reason)


def _log_error(name: str, error: Exception) -> None:
    if isinstance(error, StoreUnavailable):
        REDIS_ERROR_LOG.log(error.__cause__ or error)  # one line for all affected tasks
        return
    if isinstance(error, BotError):
        logger.warning("%s ended with %s: %s", name, error.template, error)
        return
    # The texts of slack-sdk's errors contain the request.
    trace = None if isinstance(error, SlackClientError) else error
    logger.error("%s failed: %s", name, describe(error), exc_info=trace)
