"""Logging: one line per event with a reference to its request; error reports; secrets redacted."""

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

from bot import __version__

# Below WARNING, these libraries log bodies, tokens or whole URLs.
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
MIN_LEVELS = {"slack_bolt": logging.ERROR}  # its warnings contain parts of requests

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
    | [?&]ticket=[^\s&"']+                                           # Socket Mode addresses
    | (?<=://)[^/\s:@]*:[^/\s@]+(?=@)                                # logins in URLs
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
    """Create a reference for a new request or task; it is added to every log line from now on."""
    reference = secrets.token_hex(4)
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(reference=reference)
    return reference


def current_reference() -> str:
    """The reference of the current request or task; empty outside of one."""
    return str(structlog.contextvars.get_contextvars().get("reference", ""))


def write_line(line: str) -> None:
    """Write a line to standard output, separate from the log; concurrent lines don't mix."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def redact(_logger: Any, _name: str, event: EventDict) -> EventDict:
    """Replace everything that looks like a secret, as the last step before a line is written.

    Nested values are included. Long values are shortened first, so it takes milliseconds at most.
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
    return without_secrets(_shorten(value if isinstance(value, str) else repr(value)))


def without_secrets(text: str) -> str:
    """`text` with everything that looks like a secret replaced."""
    return _SECRET.sub(REDACTED, text)


def _first(values: Iterable[Any]) -> Iterable[Any]:
    return islice(values, MAX_LOGGED_ITEMS)


def _shorten(text: str) -> str:
    """Keep the beginning and the end of a long text, such as a traceback.

    Words aren't cut, because part of a secret wouldn't be recognized as one.
    """
    if len(text) <= MAX_LOGGED_CHARACTERS:
        return text
    half = MAX_LOGGED_CHARACTERS // 2
    begin, end = _to_last_space(text[:half]), _to_last_space(text[-half:][::-1])[::-1]
    return f"{begin}[{len(text) - len(begin) - len(end)} characters left out]{end}"


def _to_last_space(text: str) -> str:
    """The text up to and including the last white space; empty if there is none."""
    end = max(text.rfind(space) for space in " \n\t")
    return text[: end + 1]


REPORT_SECONDS = 2.0  # as long as Sentry's library waits when Python exits
REPORTED_FIELDS = ("event_id", "timestamp", "level", "logger", "platform", "release")
REPORTED_FRAME_FIELDS = ("filename", "function", "in_app", "lineno", "module")
"""The fields of an event, and of a line in its traceback, that are sent to Sentry."""


def report_errors(dsn: str) -> None:
    """Send log lines of level `error`, and errors that end the process, to Sentry.

    Reports have the types and tracebacks of errors, and the reference. All texts are left out,
    because they may contain what users typed: the texts of errors, and the values in log lines.
    """
    import sentry_sdk
    from sentry_sdk.integrations.atexit import AtexitIntegration
    from sentry_sdk.integrations.dedupe import DedupeIntegration
    from sentry_sdk.integrations.excepthook import ExcepthookIntegration
    from sentry_sdk.integrations.logging import LoggingIntegration

    sentry_sdk.init(
        dsn,
        release=__version__,
        default_integrations=False,
        auto_enabling_integrations=False,
        integrations=[
            AtexitIntegration(callback=lambda pending, timeout: None),
            DedupeIntegration(),
            ExcepthookIntegration(),
            LoggingIntegration(level=logging.WARNING, event_level=logging.ERROR),
        ],
        include_local_variables=False,
        include_source_context=False,
        send_default_pii=False,
        max_request_body_size="never",
        auto_session_tracking=False,
        before_send=scrub_event,
        before_breadcrumb=scrub_breadcrumb,
    )


def send_reports() -> None:
    """Wait until all reports have been sent, before a process ends without Python's own exit."""
    if sdk := sys.modules.get("sentry_sdk"):
        sdk.flush(timeout=REPORT_SECONDS)


def scrub_event(event: Any, hint: Any) -> Any:
    """Keep only the fields of an event that can't contain user data."""
    scrubbed = {name: event[name] for name in REPORTED_FIELDS if name in event}
    scrubbed["tags"] = {"reference": current_reference()}
    scrubbed["breadcrumbs"] = event.get("breadcrumbs") or {}
    if message := _constant_message(hint.get("log_record")):
        scrubbed["logentry"] = {"message": message}
    if found := (event.get("exception") or {}).get("values"):
        scrubbed["exception"] = {"values": [_scrub_exception(one) for one in found]}
    return scrubbed


def scrub_breadcrumb(crumb: Any, hint: Any) -> Any:
    """Keep a log line of the app, without its values; drop any other breadcrumb."""
    if not (message := _constant_message(hint.get("log_record"))):
        return None
    kept = {name: crumb[name] for name in ("category", "level", "timestamp") if name in crumb}
    return {**kept, "type": "log", "message": message}


def _constant_message(record: logging.LogRecord | None) -> str:
    """The text of a log line before its values are inserted; empty if the app did not write it."""
    return str(record.msg) if record and record.name.startswith("bot.") else ""


def _scrub_exception(found: Any) -> dict[str, Any]:
    frames = (found.get("stacktrace") or {}).get("frames") or ()
    shown = [{name: frame.get(name) for name in REPORTED_FRAME_FIELDS} for frame in frames]
    kept = {name: found.get(name) for name in ("type", "module")}
    return {**kept, "value": REDACTED, "stacktrace": {"frames": shown}}
