"""Runs what the clock calls; and the one door for what goes wrong in it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias, TypedDict

from slack_sdk.errors import SlackClientError

from bot.errors import BotError, RetryLater, StoreUnavailable
from bot.logs import new_reference
from bot.scheduler.tasks import PeriodicTask, ScheduledFunction, TaskContext, TaskRegistry
from bot.slack.error_handler import ErrorHandler
from bot.slack.errors import describe, refuses_token
from bot.slack.posting.notifier import DirectMessages
from bot.store.errors import REDIS_ERROR_LOG
from bot.store.stopped_teams import StoppedTeams

logger = logging.getLogger(__name__)

ATTEMPTS = 12
"""With the pauses between them these last some three minutes."""

STOPPED_SECONDS = 60.0
"""How long a task waits while the app is not installed."""

FIRST_PAUSE, LONGEST_PAUSE = 2.0, 20.0
"""In seconds; so long at most does a task still wait when what kept it failing is over."""

TASK_SECONDS = 600
"""A task that takes longer is ended, and has failed."""

ENDINGS = 12
"""How often it is tried to tell that a task failed for good, before that is given up too."""

LONG_SECONDS = 60 * 60
"""A task that has been put off for this long, for one reason, is worth a look."""

MOST_REASONS = 20

Waits: TypeAlias = dict[str, list[float]]
"""By reason: when a task was first put off for it, in seconds since 1970, and 1 once that is old.

It is kept with the task, as JSON.
"""


class TaskValues(TypedDict, total=False):
    """What ticks and tasks can take beside services and the arguments that a task was queued with.

    `now`: seconds since 1970; `errand`: only for tasks.
    """

    now: float
    errand: TaskContext


class TaskRunner:
    """Calls ticks and tasks; `services` is a dataclass with a field for each service."""

    def __init__(
        self,
        calls: TaskRegistry,
        services: object,
        failures: ErrorHandler,
        direct_messages: DirectMessages,
        clock: Callable[[], float],
        stopped: StoppedTeams,
    ) -> None:
        self._calls, self._services = calls, services
        self._failures, self._direct_messages, self._clock = failures, direct_messages, clock
        self._stopped, self._is_stopped = stopped, False

    async def tick(self, tick: PeriodicTask) -> None:
        """What goes wrong is logged; the next tick tries again."""
        new_reference()
        try:
            if tick.while_stopped or not await self._stops():
                await self._call(tick, TaskValues(now=self._clock()))
        except Exception as error:  # noqa: BLE001 - the worker's outermost loop
            _log(tick.name, error)

    async def task(
        self,
        name: str,
        failures: int,
        arguments: Mapping[str, Any],
        waits: Waits | None = None,
    ) -> None:
        """Run a queued task that failed so often; raises Later where it is to be run again.

        `waits` is updated where it is put off.
        """
        task = self._calls.tasks.get(name)
        errand = TaskContext(name, failures, new_reference())
        if task is None:  # queued by another version of the app
            logger.error("nobody knows the task %s", name)
            return
        try:
            if await self._stops():
                raise RetryLater(
                    STOPPED_SECONDS, "the app is not installed in its workspace", failures
                )
            async with asyncio.timeout(TASK_SECONDS):
                values = TaskValues(now=self._clock(), errand=errand)
                await self._call(task, {**arguments, **values})
        except RetryLater as later:
            if errand.owner is not None and refuses_token(later.__cause__):
                await self._stopped.revoked(errand.owner.team_id)
            _put_off(name, later.reason, {} if waits is None else waits, self._clock())
            raise RetryLater(later.seconds, later.reason, failures) from later
        except Exception as error:  # noqa: BLE001 - the worker's outermost loop
            await self._failed(errand, error)

    async def _stops(self) -> bool:
        """Whether no scheduled work may be done; that is logged when it changes."""
        is_stopped = bool(await self._stopped.all())
        if is_stopped and not self._is_stopped:
            logger.error("scheduled work stops: the app was uninstalled, or its token revoked")
        elif self._is_stopped and not is_stopped:
            logger.warning("scheduled work goes on: the app is installed again")
        self._is_stopped = is_stopped
        return is_stopped

    async def _failed(self, errand: TaskContext, error: Exception) -> None:
        """Once more, or it is given up. Raises nothing but Later, and that only so many times."""
        _log(errand.task, error)
        failures = errand.failures + 1
        if failures < ATTEMPTS:
            raise RetryLater(
                backoff_seconds(failures), f"attempt {failures} failed", failures
            ) from error
        try:
            await self._give_up(errand, error)
        except Exception as trouble:
            logger.error("the end of %s was not told: %s", errand.task, describe(trouble))
            if failures < ATTEMPTS + ENDINGS:
                seconds = (
                    trouble.seconds
                    if isinstance(trouble, RetryLater)
                    else backoff_seconds(failures)
                )
                raise RetryLater(seconds, "its end was not told", failures) from trouble
        words = error.template if isinstance(error, BotError) else describe(error)
        logger.error("%s was given up after %d attempts: %s", errand.task, failures, words)

    async def _give_up(self, errand: TaskContext, error: Exception) -> None:
        if errand.on_give_up is not None:
            await errand.on_give_up()
        if errand.owner is not None:
            surface = self._direct_messages.reply_about(errand.owner, errand.subject)
            await self._failures.show(error, errand.reference, surface)

    async def _call(self, called: ScheduledFunction, given: Mapping[str, object]) -> None:
        needed = {
            name: given[name] if name in given else getattr(self._services, name)
            for name in called.parameters
        }
        await called.function(**needed)


def backoff_seconds(failures: int) -> float:
    """Seconds after so many failures; no pause is shorter than the one before."""
    return min(FIRST_PAUSE * 2.0 ** (failures - 1), LONGEST_PAUSE)


def _put_off(name: str, reason: str, waits: Waits, now: float) -> None:
    """A line when a task is first put off for a reason, and one when that has lasted for long."""
    if reason not in waits:
        logger.info("%s is put off: %s", name, reason)
        while len(waits) >= MOST_REASONS:
            waits.pop(next(iter(waits)))
        waits[reason] = [now, 0]
    since, is_old = waits[reason]
    if not is_old and now - since >= LONG_SECONDS:
        waits[reason] = [since, 1]
        minutes = (now - since) / 60
        logger.warning("%s has been put off for %.0f minutes: %s", name, minutes, reason)


def _log(name: str, error: Exception) -> None:
    if isinstance(error, StoreUnavailable):
        REDIS_ERROR_LOG.note(
            error.__cause__ or error
        )  # one line for all that it keeps from working
        return
    if isinstance(error, BotError):
        logger.warning("%s ended with %s: %s", name, error.template, error)
        return
    # The texts of slack-sdk's errors hold what was sent.
    trace = None if isinstance(error, SlackClientError) else error
    logger.error("%s failed: %s", name, describe(error), exc_info=trace)
