"""Redis is away: one line of our log in the place of many tracebacks of saq's."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from bot.store.connection import is_away

logger = logging.getLogger(__name__)

EVERY_SECONDS = 10.0


class Outage(logging.Filter):
    """On the logger of saq: what is no failure to reach Redis passes as it is."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock, self._told = clock, float("-inf")

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if error is None or not is_away(error):
            return True
        if self._clock() - self._told >= EVERY_SECONDS:
            self._told = self._clock()
            logger.warning("the queue does not reach Redis: %s", type(error).__name__)
        return False


def tell_outages_briefly() -> None:
    """From now on, in this process."""
    logging.getLogger("saq").addFilter(Outage())
