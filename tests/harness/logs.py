"""Captures the log at its most verbose level, for tests that search it for secrets."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from bot.logs import LIBRARY_LOGGERS, configure


@contextmanager
def log_to_stderr() -> Iterator[None]:
    """Log like the web process at LOG_LEVEL=DEBUG, and restore the logging of tests afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    configure("DEBUG", "json")
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        for name in LIBRARY_LOGGERS:
            logging.getLogger(name).setLevel(logging.NOTSET)
