"""Classification of Redis errors, and a rate-limited log for them."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable

from redis.exceptions import RedisError

from bot.store.encryption import WrongEncryptionKeys

logger = logging.getLogger(__name__)

REDIS_LOG_INTERVAL_SECONDS = 10.0

ERROR_CODES = {
    "LOADING": "it is loading its data",
    "MASTERDOWN": "it is a replica without its primary",
    "MISCONF": "it cannot save to disk",
    "NOAUTH": "it requires a password",
    "NOPERM": "its user lacks a permission",
    "NOREPLICAS": "it has too few replicas",
    "OOM": "it is out of memory",
    "READONLY": "it is a replica",
    "UNBLOCKED": "it has become a replica",
    "WRONGPASS": "the user name or the password is wrong",
}
"""Redis error codes (the first word of an error) and their meanings.

https://github.com/redis/redis/blob/6.2/src/server.c, createSharedObjects
"""

NOT_PRIMARY_CODES = frozenset({"LOADING", "MASTERDOWN", "READONLY", "UNBLOCKED"})
"""Sent by a server that isn't the primary (yet); another server may be the primary now."""

_NO_PERMISSION = re.compile(r"no permissions to|user executing the script can't")
_COMMAND = re.compile(r"run the '([\w|]+)' command")
_ERROR_CODE = re.compile(rf"\b({'|'.join(ERROR_CODES)})\b")


def error_kind(error: BaseException) -> str:
    """Return the Redis error code if it is one of ERROR_CODES, else the error's class name.

    For an error in a script, Redis puts the code in the middle of the text, or omits it.
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
    """Whether the error was raised by the Redis client library."""
    return isinstance(error, RedisError)


class RedisErrorLog:
    """Logs Redis errors, at most one line per REDIS_LOG_INTERVAL_SECONDS.

    A command that the Redis user isn't permitted to run is logged on a separate line, because it
    keeps failing until the permissions are changed. Wrong encryption keys are left out, because
    the canary logs them.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._logged: dict[str, float] = {}

    def log(self, error: BaseException) -> None:
        if isinstance(error, WrongEncryptionKeys):
            return
        code = error_kind(error)
        if code == "NOPERM":
            named = _COMMAND.search(str(error))
            command = named[1].upper() if named else "a command, or reach a key"
            if self._is_due(command):
                logger.error("the Redis user may not run %s", command)
        elif self._is_due(""):
            words = f"{code} ({ERROR_CODES[code]})" if code in ERROR_CODES else code
            logger.warning("Redis is unavailable: %s", words)

    def reset(self) -> None:
        """Log the next error even if the last line was logged recently."""
        self._logged.clear()

    def _is_due(self, line: str) -> bool:
        now = self._clock()
        if now - self._logged.get(line, float("-inf")) < REDIS_LOG_INTERVAL_SECONDS:
            return False
        self._logged[line] = now
        return True


REDIS_ERROR_LOG = RedisErrorLog()
"""The Redis error log of this process."""
