"""Logs: one line an event, a reference in each, and nothing in them that opens a door."""

from __future__ import annotations

import logging
import re
import secrets
import sys
from typing import Any

import structlog
from structlog.typing import EventDict, Processor

# These write bodies, tokens or whole addresses below WARNING; their secrets are not ours to log.
NOISY = (
    "slack_bolt",
    "slack_sdk",
    "httpx",
    "httpcore",
    "aiohttp",
    "asyncio",
    "stamina",
    "redis",
    "saq",
    "matplotlib",  # tells of each font of the machine that it cannot read
    "PIL",
)
QUIETEST = {"slack_bolt": logging.ERROR}  # its warnings hold parts of requests

_SECRET = re.compile(
    r"""
      xox[a-z]-[\w-]+ | xapp-[\w-]+                                  # Slack tokens
    | (?i:bearer)\s+[\w.~+/=-]+                                      # access tokens
    | https?://\S*/(?:commands|actions|workflows|services)/\S+       # response_urls
    | (?i:client_secret|access_token|password)["']?\s*[=:]\s*["']?[^\s"'&,}]+
    | (?<=://)[^/\s:@]*:[^/\s@]+(?=@)                                # logins in addresses
    """,
    re.VERBOSE,
)


def configure(level: str, log_format: str) -> None:
    """Write the logs of this process to standard error; `log_format` is text or json."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    as_json = log_format == "json"
    renderer: Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if as_json
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                redact,
                renderer,
            ],
        )
    )
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in NOISY:
        least = QUIETEST.get(name, logging.WARNING)
        logging.getLogger(name).setLevel(max(least, logging.getLevelName(level)))


def new_reference() -> str:
    """A short name for the request that begins, in every log line from here on."""
    reference = secrets.token_hex(4)
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(reference=reference)
    return reference


def redact(_logger: Any, _name: str, event: EventDict) -> EventDict:
    """The last look at a line: what looks like a secret is struck out."""
    return {
        key: _SECRET.sub("[struck out]", value) if isinstance(value, str) else value
        for key, value in event.items()
    }
