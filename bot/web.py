"""The HTTP door: what is not Slack's is refused, what is goes to Bolt; and whether we are well.

POST /slack/events    commands, buttons, modals and events, all signed
GET  /healthz         the process answers; how many tasks are running
GET  /readyz          Redis answers too
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial

import uvicorn
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from bot.errors import StoreUnavailable
from bot.logs import configure, new_reference
from bot.settings import Settings
from bot.slack.body import parse
from bot.slack.guard import MAX_BODY_BYTES, Guard
from bot.slack.incoming import ANSWERED, DELIVERED, REFERENCE
from bot.wiring.shared import Clock
from bot.wiring.web import Parts, assemble

logger = logging.getLogger(__name__)

DRAIN_SECONDS = 20.0  # a platform that stops a process commonly kills it after 30 s
CLOSE_SECONDS = 5  # for requests that are being answered; acks take milliseconds

EVENTS = "/slack/events"

Assemble = Callable[[], AbstractAsyncContextManager[Parts]]


class Answer(Response):
    """Bolt's answer; `answered` is set when it has left, whatever became of the connection."""

    def __init__(self, bolt: BoltResponse, answered: asyncio.Event) -> None:
        super().__init__(bolt.body, bolt.status, bolt.first_headers())
        self._answered = answered

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._answered.set()


class ShortCut:
    """What Slack sends, to `hear` past Starlette, which costs an ack a tenth of its time."""

    def __init__(self, app: Starlette) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (scope["method"], scope["path"]) == ("POST", EVENTS):
            scope["app"] = self._app
            answer = await hear(Request(scope, receive))
            await answer(scope, receive, send)
        else:
            await self._app(scope, receive, send)


def serve(settings: Settings, clock: Clock = time.time) -> None:
    """Serve on PORT until SIGTERM or SIGINT; what runs then is finished first."""
    configure(settings.log_level, settings.log_format)
    guard = Guard(settings.slack_signing_secret.get_secret_value(), clock)
    uvicorn.run(
        build_web(partial(assemble, settings, clock), guard),
        host="0.0.0.0",  # noqa: S104 - the platform's router comes from outside the machine
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=CLOSE_SECONDS,
    )


def build_web(assemble: Assemble, guard: Guard) -> ASGIApp:
    """The ASGI app; `assemble` makes what it works with when it starts, and takes it apart."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with assemble() as parts:
            app.state.parts, app.state.guard = parts, guard
            yield
            unfinished = await parts.work.drain(DRAIN_SECONDS)
            if unfinished:
                logger.error("stopped with %d tasks unfinished", unfinished)

    app = Starlette(
        routes=[
            Route(EVENTS, hear, methods=["POST"]),
            Route("/healthz", health),
            Route("/readyz", ready),
        ],
        lifespan=lifespan,
    )
    return ShortCut(app)


async def hear(request: Request) -> Response:
    """A request that says it is Slack's."""
    body = await _read(request)
    if body is None:
        return PlainTextResponse("the body is too long", 413)
    if refusal := request.app.state.guard.refuse(request.headers, body):
        logger.warning("refused a request: %s", refusal.reason)
        return PlainTextResponse(refusal.reason, refusal.status)
    return await _dispatch(request, body.decode())


async def health(request: Request) -> Response:
    return JSONResponse({"status": "ok", "running": request.app.state.parts.work.running})


async def ready(request: Request) -> Response:
    try:
        await request.app.state.parts.ping()
    except StoreUnavailable:
        return JSONResponse({"status": "Redis does not answer"}, 503)
    return JSONResponse({"status": "ok"})


async def _dispatch(request: Request, body: str) -> Response:
    answered = asyncio.Event()
    try:
        incoming = AsyncBoltRequest(
            body=parse(body),
            context={ANSWERED: answered, REFERENCE: new_reference(), DELIVERED: body},
            mode="socket_mode",  # all that it means: the body is read, and its signature checked
        )
    except (ValueError, TypeError, AttributeError):  # signed, but nothing that Slack sends
        return PlainTextResponse("the body cannot be read", 400)
    return Answer(await request.app.state.parts.app.async_dispatch(incoming), answered)


async def _read(request: Request) -> bytes | None:
    """The body; None where it is longer than Slack sends any."""
    chunks, size = [], 0
    try:
        async for chunk in request.stream():
            size += len(chunk)
            if size > MAX_BODY_BYTES:
                return None
            chunks.append(chunk)
    except ClientDisconnect:
        return None
    return b"".join(chunks)
