"""Logs: one line an event, a reference in each, and nothing in them that opens a door."""

from __future__ import annotations

import logging
import re
import secrets
import sys
from collections.abc import Iterable
from itertools import islice
from typing import Any

import structlog
from structlog.typing import EventDict, Processor

# These write bodies, tokens or whole addresses below WARNING; their secrets are not ours to log.
LIBRARY_LOGGERS = (
    "slack_bolt",
    "slack_sdk",
    "httpx",
    "httpcore",
    "aiohttp",
    "asyncio",
    "stamina",
    "redis",
    "saq",
)
MIN_LEVELS = {"slack_bolt": logging.ERROR}  # its warnings hold parts of requests

REDACTED = "[redacted]"
SECRET_NAMES = frozenset(
    {
        "access_token",
        "authorization",
        "client_secret",
        "password",
        "response_url",
        "secret",
        "token",
    }
)
MAX_LOGGED_CHARACTERS = 20_000
MAX_LOGGED_ITEMS = 100
MAX_LOGGED_DEPTH = 5  # levels of lists and dicts

_SECRET = re.compile(
    r"""
      xox[a-z]-[\w-]+ | xapp-[\w-]+                                  # Slack tokens
    | (?i:bearer)\s+[\w.~+/=-]+                                      # access tokens
    | https?://[^\s/]{1,255}(?:/[^\s/]{1,100}){0,2}/                 # response_urls
        (?:commands|actions|workflows|services)/\S+
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
    for name in LIBRARY_LOGGERS:
        least = MIN_LEVELS.get(name, logging.WARNING)
        logging.getLogger(name).setLevel(max(least, logging.getLevelName(level)))


def new_reference() -> str:
    """A short name for the request that begins, in every log line from here on."""
    reference = secrets.token_hex(4)
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(reference=reference)
    return reference


def current_reference() -> str:
    """The reference of the request or task that runs now; empty outside of one."""
    return str(structlog.contextvars.get_contextvars().get("reference", ""))


def write_line(line: str) -> None:
    """A line on standard output, apart from the log; whole, also if several are written at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def redact(_logger: Any, _name: str, event: EventDict) -> EventDict:
    """The last step before a line is written: whatever looks like a secret is replaced.

    Nested values too. Long ones are cut first, so that it takes milliseconds at most.
    """
    return {key: _redacted(value, MAX_LOGGED_DEPTH, key) for key, value in event.items()}


def _redacted(value: Any, levels: int, name: object = "") -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if str(name).lower() in SECRET_NAMES or levels == 0:
        return REDACTED
    if isinstance(value, dict):
        return {_text(key): _redacted(one, levels - 1, key) for key, one in _first(value.items())}
    if isinstance(value, list | tuple | set | frozenset):
        return [_redacted(one, levels - 1) for one in _first(value)]
    return _text(value)


def _text(value: object) -> str:
    return _SECRET.sub(REDACTED, _shorten(value if isinstance(value, str) else repr(value)))


def _first(values: Iterable[Any]) -> Iterable[Any]:
    return islice(values, MAX_LOGGED_ITEMS)


def _shorten(text: str) -> str:
    """The beginning and the end of a long text, as of a traceback; a word is left out whole,
    because half a secret would not be seen as one.
    """
    if len(text) <= MAX_LOGGED_CHARACTERS:
        return text
    half = MAX_LOGGED_CHARACTERS // 2
    begin, end = _to_last_space(text[:half]), _to_last_space(text[-half:][::-1])[::-1]
    return f"{begin}[{len(text) - len(begin) - len(end)} characters left out]{end}"


def _to_last_space(text: str) -> str:
    """Up to the last white space, inclusive; nothing if there is none."""
    end = max(text.rfind(space) for space in " \n\t")
    return text[: end + 1]
