"""saq's log without its noise: tracebacks of pauses, and of a Redis that is away."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from bot.later import Later
from bot.store.connection import is_away

logger = logging.getLogger(__name__)

EVERY_SECONDS = 10.0


class Quieter(logging.Filter):
    """On the logger of saq: a pause is no line, an outage of Redis one; all else passes as it is.

    saq takes a task that is to be run again for one that failed. Why it waits was told before.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock, self._told = clock, float("-inf")

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, Later):
            return False
        if error is None or not is_away(error):
            return True
        if self._clock() - self._told >= EVERY_SECONDS:
            self._told = self._clock()
            logger.warning("the queue does not reach Redis: %s", type(error).__name__)
        return False


def quieten_saq() -> None:
    """From now on, in this process."""
    logging.getLogger("saq").addFilter(Quieter())
