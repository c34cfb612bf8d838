"""Classifies errors of Redis, and logs them at a limited rate."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable

from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

REDIS_LOG_INTERVAL_SECONDS = 10.0

ERROR_CODES = {
    "LOADING": "it is loading its data",
    "MASTERDOWN": "it is a replica without its primary",
    "MISCONF": "it cannot save to its disk",
    "NOAUTH": "it wants a password",
    "NOPERM": "its user may not do this",
    "NOREPLICAS": "it has too few replicas",
    "OOM": "its memory is full",
    "READONLY": "it is a replica",
    "UNBLOCKED": "it has become a replica",
    "WRONGPASS": "the user name or the password is wrong",
}
"""First words of errors of Redis, and what they say about the server.

https://github.com/redis/redis/blob/6.2/src/server.c, createSharedObjects
"""

NOT_PRIMARY_CODES = frozenset({"LOADING", "MASTERDOWN", "READONLY", "UNBLOCKED"})
"""Said by a server that is not the primary, or not yet: another one may be it by now."""

_NO_PERMISSION = re.compile(r"no permissions to|user executing the script can't")
_COMMAND = re.compile(r"run the '([\w|]+)' command")
_ERROR_CODE = re.compile(rf"\b({'|'.join(ERROR_CODES)})\b")


def error_kind(error: BaseException) -> str:
    """One of CODES where the server said it; else the name of the error's class.

    Redis puts the code of an error within a script in the middle of its text, or leaves it out.
    """
    if isinstance(error, RedisError):
        if (code := getattr(error, "status_code", None)) in ERROR_CODES:
            return str(code)
        if found := _ERROR_CODE.search(str(error)):
            return found[0]
        if _NO_PERMISSION.search(str(error)):
            return "NOPERM"
    return type(error).__name__


def is_redis_error(error: BaseException) -> bool:
    """Whether it is an error of the client library, whatever the trouble is."""
    return isinstance(error, RedisError)


class RedisErrorLog:
    """One line every EVERY_SECONDS, however many commands fail in the meantime.

    A command that the user of Redis may not run is an error of its own: waiting does not help.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._logged: dict[str, float] = {}

    def log(self, error: BaseException) -> None:
        code = error_kind(error)
        if code == "NOPERM":
            named = _COMMAND.search(str(error))
            command = named[1].upper() if named else "a command, or reach a key"
            if self._is_due(command):
                logger.error("the Redis user may not run %s", command)
        elif self._is_due(""):
            words = f"{code} ({ERROR_CODES[code]})" if code in ERROR_CODES else code
            logger.warning("Redis cannot be used: %s", words)

    def reset(self) -> None:
        """Log the next trouble, however recent the last line is."""
        self._logged.clear()

    def _is_due(self, line: str) -> bool:
        now = self._clock()
        if now - self._logged.get(line, float("-inf")) < REDIS_LOG_INTERVAL_SECONDS:
            return False
        self._logged[line] = now
        return True


REDIS_ERROR_LOG = RedisErrorLog()
"""The one of this process."""
