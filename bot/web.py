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
import random
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from slack_bolt.app.async_app import AsyncApp
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send
from structlog.contextvars import bind_contextvars

from bot.app import build_app
from bot.domain.times import Clock
from bot.errors import StoreUnavailable
from bot.logs import configure, send_reports
from bot.metrics import ACK_SECONDS, BACKGROUND_TASKS, WEBSOCKETS
from bot.monitoring import STOPPING_STATUS, HealthReport, Monitor, check_process, start_monitoring
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
from bot.store.idempotency import DELIVERY_TIMEOUT_SECONDS, Deliveries
from bot.store.slack_cache import TimeZoneCache
from bot.store.ui_state import new_cursor_id
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
        if report := await check_process(self.is_stopping, self.ping):
            return report
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


class SlackEndpoint:
    """Answers POST /slack/events; passes other requests on to `app`.

    It is a plain ASGI app: Starlette's middleware, router, request and response would take 20 of
    about 90 µs per command (`help_rate_ratio` of `make bench`).
    """

    def __init__(self, app: Starlette, verifier: RequestVerifier) -> None:
        self._app, self._verifier = app, verifier

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != SLACK_EVENTS_PATH:
            await self._app(scope, receive, send)
        elif scope["method"] != "POST":
            only_post = PlainTextResponse("Method Not Allowed", 405, {"allow": "POST"})
            await only_post(scope, receive, send)
        else:
            connection: HttpConnection = scope["state"][CONNECTION_STATE_KEY]
            answered = asyncio.Event()
            found = await self._answer(dict(scope["headers"]), receive, connection, answered)
            if isinstance(found, Rejection):
                connection.count_rejection(found.reason)
                found = BoltResponse(status=found.status, body=found.reason)
            try:
                await _send(found, send)
            finally:
                answered.set()

    async def _answer(
        self,
        headers: Mapping[bytes, bytes],
        receive: Receive,
        connection: HttpConnection,
        answered: asyncio.Event,
    ) -> BoltResponse | Rejection:
        """Verify a request, first its headers, then its body, and answer it."""
        rejection = self._verifier.verify_headers(headers)
        if rejection and not may_be_certificate_check(headers):
            return rejection
        body = await _read(receive)
        if isinstance(body, Rejection):
            return body
        if rejection:
            return BoltResponse(status=200) if is_certificate_check(body) else rejection
        if rejection := self._verifier.verify_body(headers, body):
            return rejection
        connection.mark_verified()
        return await answer(self._app.state.parts.app, body.decode(), answered)


async def _read(receive: Receive) -> bytes | Rejection:
    """Read the body; return a Rejection if it is too large or incomplete."""
    chunks, size, is_complete = [], 0, False
    while not is_complete:
        message = await receive()
        if message["type"] == "http.disconnect":  # by the sender, or by `bot.server` after a time
            return Rejection(400, "the body is incomplete")
        chunks.append(message["body"])
        size += len(chunks[-1])
        if size > MAX_REQUEST_BYTES:
            return TOO_LONG
        is_complete = not message["more_body"]
    return b"".join(chunks)


async def _send(answer: BoltResponse, send: Send) -> None:
    """Send Bolt's answer as an HTTP response."""
    body = answer.body.encode()
    given = {**answer.first_headers(), "content-length": str(len(body))}
    headers = [(name.encode(), value.encode()) for name, value in given.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


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
    delivery_timeout_seconds: float = DELIVERY_TIMEOUT_SECONDS,
) -> AsyncIterator[WebParts]:
    """Build the parts of a web process, and close them when it ends."""
    async with open_resources(settings, clock, Canary(build_cipher(settings), _exit)) as resources:
        ping = WriteProbe(resources.redis).ping
        with suppress(StoreUnavailable):  # the app can start without Redis, but not with wrong keys
            await ping()
        services = build_web_services(resources, new_cursor_id, new_digest_id)
        await services.installation.identify()
        services.renderer.preload()
        deliveries = Deliveries(resources.redis, resources.accounts, delivery_timeout_seconds)
        dispatch = _dispatcher(resources, services, deliveries, loading_after_seconds)
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
    resources: Resources,
    services: WebServices,
    deliveries: Deliveries,
    loading_after_seconds: float,
) -> Dispatch:
    renderer, session, redis = services.renderer, resources.session, resources.redis
    return Dispatch(
        registry=services.registry,
        renderer=renderer,
        session=session,
        background=BackgroundTasks(),
        error_handler=ErrorHandler(renderer),
        deliveries=deliveries,
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
    send_reports()
    os._exit(EXIT_MISCONFIGURED)


def build_web(assemble: Assemble, verifier: RequestVerifier | None) -> ASGIApp:
    """Build the ASGI app for `bot.server.Server`; `assemble` creates its parts at startup.

    Without a `verifier`, it serves only the health checks.
    """

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[dict[str, Any]]:
        async with assemble() as parts:
            app.state.parts = parts
            if parts.socket_mode:
                parts.socket_mode.start()
            yield {STOPPING_CALLBACK_KEY: parts.stop}
            if parts.socket_mode:
                await parts.socket_mode.close()
            unfinished = await parts.background.drain(WEB_DRAIN_SECONDS)
            if unfinished:
                logger.error("stopped with %d tasks unfinished", unfinished)
            send_reports()  # uvicorn ends the process with the signal that stopped it

    checks = [Route("/healthz", health), Route("/readyz", ready)]
    app = Starlette(routes=checks, lifespan=lifespan)
    if verifier is None:
        return app
    endpoint = SlackEndpoint(app, verifier)
    if "opentelemetry" not in sys.modules:
        return endpoint
    app.router.routes.append(Route(SLACK_EVENTS_PATH, endpoint))  # for its middleware in Starlette
    return app


async def health(request: Request) -> Response:
    status, words = (503, STOPPING_STATUS) if _is_stopping(request) else (200, "ok")
    running = request.app.state.parts.background.running
    return JSONResponse({"status": words, "running": running}, status)


async def ready(request: Request) -> Response:
    return JSONResponse(*await request.app.state.parts.check_readiness())


def _is_stopping(request: Request) -> bool:
    return bool(request.scope["state"][CONNECTION_STATE_KEY].is_stopping)


async def answer(app: AsyncApp, body: str, answered: asyncio.Event) -> BoltResponse | Rejection:
    """Answer a request from Slack, which came over HTTP or in Socket Mode.

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
    reference = f"{random.getrandbits(32):08x}"
    bind_contextvars(reference=reference)  # added to every log line from now on
    incoming = AsyncBoltRequest(
        body=fields,
        context={ANSWERED: answered, REFERENCE: reference},
        mode="socket_mode",  # tells Bolt that the body is parsed and verified
    )
    response = await app.async_dispatch(incoming)
    ACK_SECONDS.observe(time.monotonic() - began)
    return response
