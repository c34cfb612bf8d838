"""saq's log without its noise: tracebacks of pauses, and of a Redis in trouble."""

from __future__ import annotations

import logging

from bot.errors import StoreUnavailable
from bot.later import Later
from bot.store.trouble import TROUBLE, TroubleLog, is_of_redis


class Quieter(logging.Filter):
    """On the logger of saq: a pause is no line, trouble with Redis one; all else is unchanged.

    saq takes a task that is to be run again for one that failed. Why it waits was logged before.
    """

    def __init__(self, trouble: TroubleLog = TROUBLE) -> None:
        super().__init__()
        self._trouble = trouble

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, Later):
            return False
        if isinstance(error, StoreUnavailable):
            error = error.__cause__ or error
        elif error is None or not is_of_redis(error):
            return True
        self._trouble.note(error)
        return False


def quieten_saq() -> None:
    """From now on, in this process."""
    logging.getLogger("saq").addFilter(Quieter())
