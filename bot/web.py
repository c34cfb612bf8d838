"""The ASGI app: verifies Slack's requests and passes them to Bolt; liveness and readiness checks.

POST /slack/events    commands, buttons, modals and events, all signed; needs a signing secret
GET  /healthz         liveness, and the number of running tasks; 503 while stopping
GET  /readyz          readiness: also requires Redis and, without a signing secret, Socket Mode

With an app-level token, the same requests also arrive over a WebSocket (`bot.slack.socket_mode`).
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from slack_bolt.app.async_app import AsyncApp
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send
from structlog.contextvars import bind_contextvars

from bot.app import build_app
from bot.domain.times import Clock
from bot.errors import StoreUnavailable
from bot.logs import configure
from bot.metrics import ACK_SECONDS, BACKGROUND_TASKS, WEBSOCKETS
from bot.monitoring import STOPPING_STATUS, HealthReport, Monitor, start_monitoring
from bot.resources import EXIT_MISCONFIGURED, Resources, build_cipher, open_resources, slack_client
from bot.server import (
    CONNECTION_STATE_KEY,
    STOPPING_CALLBACK_KEY,
    HttpConnection,
    Server,
    ServerLimits,
    allowed_connections,
    listen,
)
from bot.settings import Settings
from bot.slack.background import BackgroundTasks
from bot.slack.dispatch import Dispatch
from bot.slack.error_handler import ErrorHandler
from bot.slack.injection import Providers
from bot.slack.loading import LOADING_AFTER_SECONDS
from bot.slack.request import ANSWERED, REFERENCE
from bot.slack.verification import (
    MAX_REQUEST_BYTES,
    TOO_LONG,
    Rejection,
    RequestVerifier,
    is_certificate_check,
    may_be_certificate_check,
    parse_body,
)
from bot.store.digests import new_digest_id
from bot.store.encryption import Canary
from bot.store.health import WriteProbe
from bot.store.idempotency import Deliveries
from bot.store.lists import new_cursor_id
from bot.store.slack_cache import TimeZoneCache
from bot.wiring import WebServices, build_web_services

if TYPE_CHECKING:
    from bot.slack.socket_mode import SocketMode

logger = logging.getLogger(__name__)

WEB_DRAIN_SECONDS = 20.0
"""With the grace period and open requests, less than the 30 s that platforms allow."""

EXIT_CANNOT_LISTEN = 3  # the exit status that uvicorn uses
SLACK_EVENTS_PATH = "/slack/events"

RATE_LIMITED_EVENT = "app_rate_limited"
"""Type of Slack's notice that events were dropped, sent once a minute."""


@dataclass(frozen=True, slots=True)
class WebParts:
    """Parts for the HTTP endpoints; `ping` raises StoreUnavailable with the kind of error.

    `is_stopping` is set when the process begins to stop. `needs_socket_mode` means that requests
    arrive in no other way.
    """

    app: AsyncApp
    background: BackgroundTasks
    ping: Callable[[], Awaitable[None]]
    socket_mode: SocketMode | None = None
    needs_socket_mode: bool = False
    is_stopping: asyncio.Event = field(default_factory=asyncio.Event)

    def stop(self) -> None:
        """Called when the process begins to stop."""
        self.is_stopping.set()
        if self.socket_mode:
            self.socket_mode.stop()

    async def check_readiness(self) -> HealthReport:
        if self.is_stopping.is_set():
            return {"status": STOPPING_STATUS}, 503
        try:
            await self.ping()
        except StoreUnavailable as error:
            return {"status": "Redis is unavailable", "trouble": str(error)}, 503
        if self.socket_mode is None:
            return {"status": "ok"}, 200
        trouble = self.socket_mode.trouble
        if trouble and self.needs_socket_mode:
            return {"status": "Slack is not connected", "trouble": trouble}, 503
        return {"status": "ok", "socket_mode": trouble or "connected"}, 200

    def observe(self) -> None:
        """Set the gauges of this process."""
        BACKGROUND_TASKS.set(self.background.running - self.background.waiting, "running")
        BACKGROUND_TASKS.set(self.background.waiting, "waiting")
        if self.socket_mode:
            WEBSOCKETS.set(self.socket_mode.open_connections, "process")


Assemble = Callable[[], AbstractAsyncContextManager[WebParts]]


class BoltAnswer(Response):
    """Bolt's response; `answered` is set when it has been sent or sending has failed."""

    def __init__(self, bolt: BoltResponse, answered: asyncio.Event) -> None:
        super().__init__(bolt.body, bolt.status, bolt.first_headers())
        self._answered = answered

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._answered.set()


class FastPath:
    """Calls `slack_events` without Starlette's middleware and router, which take 7 of about 90 µs.

    With a plain route, `help_rate_ratio` of `make bench` is 0.66 to 0.71; with this, 0.71 to 0.76.
    """

    def __init__(self, app: Starlette) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (scope["method"], scope["path"]) == (
            "POST",
            SLACK_EVENTS_PATH,
        ):
            scope["app"] = self._app
            answer = await slack_events(Request(scope, receive))
            await answer(scope, receive, send)
        else:
            await self._app(scope, receive, send)


def serve(settings: Settings, clock: Clock = time.time) -> None:
    """Serve on HOST and PORT until SIGTERM or SIGINT, then finish running work."""
    configure(settings.log_level, settings.log_format)
    start_monitoring(settings)
    secrets_of_slack = settings.signing_secrets
    verifier = RequestVerifier(secrets_of_slack, clock) if secrets_of_slack else None
    app = build_web(partial(assemble, settings, clock), verifier)
    server = Server(app, ServerLimits(connections=allowed_connections()))
    for warning in settings.warnings():
        logger.warning("a setting is risky: %s", warning)
    try:
        listening = listen(settings.host, settings.port)
    except OSError as error:
        logger.error("HOST and PORT cannot be used: %s", error.strerror)
        sys.exit(EXIT_CANNOT_LISTEN)
    logger.info("listening on %s, port %d", *listening.getsockname()[:2])
    with suppress(KeyboardInterrupt):  # uvicorn raises SIGINT again after the shutdown
        server.run(sockets=[listening])


@asynccontextmanager
async def assemble(
    settings: Settings,
    clock: Clock = time.time,
    new_cursor_id: Callable[[], str] = new_cursor_id,
    loading_after_seconds: float = LOADING_AFTER_SECONDS,
    new_digest_id: Callable[[], str] = new_digest_id,
) -> AsyncIterator[WebParts]:
    """Build the parts of a web process, and close them when it ends."""
    async with open_resources(settings, clock, Canary(build_cipher(settings), _exit)) as resources:
        ping = WriteProbe(resources.redis).ping
        with suppress(StoreUnavailable):  # the app can start without Redis, but not with wrong keys
            await ping()
        services = build_web_services(resources, new_cursor_id, new_digest_id)
        await services.installation.identify()
        services.renderer.preload()
        dispatch = _dispatcher(resources, services, loading_after_seconds)
        client = slack_client(settings, resources.session)
        client.token = None  # Bolt sets a token per request, and would warn about this one
        token = settings.slack_bot_token.get_secret_value()
        app = build_app(dispatch, client, token)
        socket_mode, is_only = _socket_mode(settings, resources, app), not settings.signing_secrets
        parts = WebParts(app, dispatch.background, ping, socket_mode, is_only)
        monitor = Monitor(settings, resources.redis, clock, parts.check_readiness, parts.observe)
        async with monitor.serving():
            yield parts


def _socket_mode(settings: Settings, resources: Resources, app: AsyncApp) -> SocketMode | None:
    """Build the connection to Slack; its modules are imported only if it is used."""
    if settings.slack_app_token is None:
        return None
    from bot.slack.socket_mode import SocketMode

    app_token = settings.slack_app_token.get_secret_value()
    return SocketMode(app_token, resources.slack, resources.session, partial(answer, app))


def _dispatcher(
    resources: Resources, services: WebServices, loading_after_seconds: float
) -> Dispatch:
    renderer, session, redis = services.renderer, resources.session, resources.redis
    return Dispatch(
        registry=services.registry,
        renderer=renderer,
        session=session,
        background=BackgroundTasks(),
        error_handler=ErrorHandler(renderer),
        deliveries=Deliveries(redis, resources.accounts),
        installation=services.installation,
        audit=services.audit,
        services=services,
        providers=Providers(
            renderer, session, services.home_service, TimeZoneCache(redis), resources.clock
        ),
        loading_after_seconds=loading_after_seconds,
    )


def _exit() -> None:
    """Exit immediately: every request would fail, and uvicorn can't set this exit status."""
    os._exit(EXIT_MISCONFIGURED)


def build_web(assemble: Assemble, verifier: RequestVerifier | None) -> ASGIApp:
    """Build the ASGI app for `bot.server.Server`; `assemble` creates its parts at startup.

    Without a `verifier`, it serves only the health checks.
    """

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[dict[str, Any]]:
        async with assemble() as parts:
            app.state.parts, app.state.verifier = parts, verifier
            if parts.socket_mode:
                parts.socket_mode.start()
            yield {STOPPING_CALLBACK_KEY: parts.stop}
            if parts.socket_mode:
                await parts.socket_mode.close()
            unfinished = await parts.background.drain(WEB_DRAIN_SECONDS)
            if unfinished:
                logger.error("stopped with %d tasks unfinished", unfinished)

    checks = [Route("/healthz", health), Route("/readyz", ready)]
    if verifier is None:
        return Starlette(routes=checks, lifespan=lifespan)
    events = Route(SLACK_EVENTS_PATH, slack_events, methods=["POST"])
    starlette = Starlette(routes=[events, *checks], lifespan=lifespan)
    is_traced = "opentelemetry" in sys.modules  # its middleware is in Starlette
    return starlette if is_traced else FastPath(starlette)


async def slack_events(request: Request) -> Response:
    """Verify a request to Slack's endpoint, first its headers, then its body, and answer it."""
    verifier: RequestVerifier = request.app.state.verifier
    connection: HttpConnection = request.scope["state"][CONNECTION_STATE_KEY]
    headers = {
        name.decode("latin-1"): value.decode("latin-1") for name, value in request.headers.raw
    }
    rejection = verifier.verify_headers(headers)
    if rejection and not may_be_certificate_check(headers):
        return _reject(connection, rejection)
    body = await _read(request)
    if isinstance(body, Rejection):
        return _reject(connection, body)
    if rejection:
        return Response() if is_certificate_check(body) else _reject(connection, rejection)
    if rejection := verifier.verify_body(headers, body):
        return _reject(connection, rejection)
    connection.mark_verified()
    return await _answer(request, body.decode(), connection)


async def health(request: Request) -> Response:
    status, words = (503, STOPPING_STATUS) if _is_stopping(request) else (200, "ok")
    running = request.app.state.parts.background.running
    return JSONResponse({"status": words, "running": running}, status)


async def ready(request: Request) -> Response:
    return JSONResponse(*await request.app.state.parts.check_readiness())


def _is_stopping(request: Request) -> bool:
    return bool(request.scope["state"][CONNECTION_STATE_KEY].is_stopping)


async def _answer(request: Request, body: str, connection: HttpConnection) -> Response:
    """Answer a verified request."""
    answered = asyncio.Event()
    found = await answer(request.app.state.parts.app, body, answered)
    if isinstance(found, Rejection):
        return _reject(connection, found)
    return BoltAnswer(found, answered)


async def answer(app: AsyncApp, body: str, answered: asyncio.Event) -> BoltResponse | Rejection:
    """Answer a request from Slack, which came over HTTP or by Socket Mode.

    `answered` is to be set when the answer has been sent.
    """
    began = time.monotonic()
    try:
        fields = parse_body(body)
    except ValueError:
        return Rejection(400, "from Slack, but the body is malformed")
    if fields.get("type") == RATE_LIMITED_EVENT:
        logger.warning("Slack dropped events for a minute: more than 30,000 in an hour")
        return BoltResponse(status=200)
    if fields.get("ssl_check") == "1":
        return BoltResponse(status=200)
    reference = secrets.token_hex(4)
    bind_contextvars(reference=reference)  # added to every log line from now on
    incoming = AsyncBoltRequest(
        body=fields,
        context={ANSWERED: answered, REFERENCE: reference},
        mode="socket_mode",  # tells Bolt that the body is parsed and verified
    )
    response = await app.async_dispatch(incoming)
    ACK_SECONDS.observe(time.monotonic() - began)
    return response


def _reject(connection: HttpConnection, rejection: Rejection) -> Response:
    connection.count_rejection(rejection.reason)
    return PlainTextResponse(rejection.reason, rejection.status)


async def _read(request: Request) -> bytes | Rejection:
    """Read the body; return a Rejection if it is too large or incomplete."""
    chunks, size = [], 0
    try:
        async for chunk in request.stream():
            size += len(chunk)
            if size > MAX_REQUEST_BYTES:
                return TOO_LONG
            chunks.append(chunk)
    except ClientDisconnect:  # by the sender, or by `bot.server` if it takes too long
        return Rejection(400, "the body is incomplete")
    return b"".join(chunks)
