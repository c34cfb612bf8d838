"""Serves METRICS_PORT: metrics for Prometheus, liveness and readiness, for both processes."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from bot import metrics
from bot.errors import StoreUnavailable
from bot.logs import report_errors
from bot.metrics import (
    CLOCK_OFFSET_SECONDS,
    DUE_ENTRIES,
    LOG_LINES,
    OVERDUE_SECONDS,
    QUEUED_TASKS,
    WORKERS,
)
from bot.settings import Settings
from bot.store.connection import Commands
from bot.store.health import read_schedule

if TYPE_CHECKING:
    from aiohttp import web

logger = logging.getLogger(__name__)

CLOSE_SECONDS = 1.0
"""Time for a scrape that is being answered when the process ends."""

STOPPING_STATUS = "this process is stopping"

HealthReport: TypeAlias = tuple[Mapping[str, Any], int]
"""The JSON of a health check, and its HTTP status."""


async def check_process(
    is_stopping: asyncio.Event, ping: Callable[[], Awaitable[None]]
) -> HealthReport | None:
    """Why a process isn't ready: it is stopping, or Redis fails; None if neither is the case."""
    if is_stopping.is_set():
        return {"status": STOPPING_STATUS}, 503
    try:
        await ping()
    except StoreUnavailable as error:
        return {"status": "Redis is unavailable", "trouble": str(error)}, 503
    return None


class LogCounter(logging.Handler):
    """Counts log lines by level and logger."""

    def emit(self, record: logging.LogRecord) -> None:
        LOG_LINES.count("error" if record.levelno >= logging.ERROR else "warning", record.name)


def is_error_of_app(record: logging.LogRecord) -> bool:
    """Whether a log line of aiohttp is about more than a request that isn't valid HTTP.

    aiohttp logs such requests as errors with a traceback, which contains parts of them. They come
    from port scans, or a Prometheus that uses HTTPS; the answer 400 says what is wrong.
    """
    from aiohttp.http_exceptions import HttpProcessingError

    return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))


def start_monitoring(settings: Settings) -> None:
    """Begin to record metrics if METRICS_PORT is set, and to report errors if SENTRY_DSN is.

    Call this before connections are opened.
    """
    if settings.sentry_dsn is not None:
        report_errors(settings.sentry_dsn.get_secret_value())
    if settings.metrics_port is not None:
        metrics.enable()
        logging.getLogger().addHandler(LogCounter(logging.WARNING))


@dataclass(frozen=True, slots=True)
class Monitor:
    """The HTTP server on a process's METRICS_PORT.

    `readiness` checks whether the process can work, and `observe` sets the gauges of the process.
    """

    settings: Settings
    redis: Commands
    clock: Callable[[], float]
    readiness: Callable[[], Awaitable[HealthReport]]
    observe: Callable[[], None]

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Serve in this block. If the port can't be used, this is logged, and the block runs."""
        host, port = self.settings.host, self.settings.metrics_port
        if port is None:
            yield
            return
        from aiohttp import web  # not imported by aiohttp itself

        logging.getLogger("aiohttp.server").addFilter(is_error_of_app)
        app = web.Application()
        app.router.add_get("/metrics", self._metrics)
        app.router.add_get("/livez", _live)
        app.router.add_get("/readyz", self._ready)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=CLOSE_SECONDS)
        await runner.setup()
        try:
            await web.SockSite(runner, _listen(host, port)).start()
            logger.info("serving metrics on %s, port %d", *runner.addresses[0][:2])
        except OSError as error:
            logger.error("METRICS_PORT cannot be used: %s", os.strerror(error.errno or 0))
        try:
            yield
        finally:
            await runner.cleanup()

    async def _metrics(self, _: web.Request) -> web.Response:
        from aiohttp import web

        self.observe()
        await _observe_redis(self.redis, self.clock())
        body, content_type = metrics.exposition()
        return web.Response(body=body, headers={"Content-Type": content_type})

    async def _ready(self, _: web.Request) -> web.Response:
        from aiohttp import web

        facts, status = await self.readiness()
        return web.json_response(facts, status=status)


def _listen(host: str, port: int) -> socket.socket:
    """Open a listening socket; `::` also accepts IPv4. Raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    both = host == "::" and socket.has_dualstack_ipv6()
    return socket.create_server((host, port), family=family, dualstack_ipv6=both)


async def _live(_: web.Request) -> web.Response:
    from aiohttp import web

    return web.json_response({"status": "ok"})


async def _observe_redis(redis: Commands, now: float) -> None:
    """Set the gauges of scheduled work, which each process reads from Redis."""
    try:
        schedule = await read_schedule(redis, now)
    except StoreUnavailable:
        for gauge in (CLOCK_OFFSET_SECONDS, DUE_ENTRIES, OVERDUE_SECONDS, QUEUED_TASKS, WORKERS):
            gauge.set_unknown()
        return
    CLOCK_OFFSET_SECONDS.set(schedule.clock_offset)
    WORKERS.set(schedule.workers)
    QUEUED_TASKS.set(schedule.due_tasks, "due")
    QUEUED_TASKS.set(schedule.postponed_tasks, "postponed")
    for index, (size, overdue) in schedule.due_indexes.items():
        DUE_ENTRIES.set(size, index)
        OVERDUE_SECONDS.set(overdue, index)
