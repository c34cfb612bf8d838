"""/page/…: the endpoints of the demo's web page."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import httpx
from starlette.requests import Request
from starlette.responses import (
    HTMLResponse,
    JSONResponse,
    RedirectResponse,
    Response,
    StreamingResponse,
)
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from sandbox.page.actions import run_action
from sandbox.page.page import Page
from sandbox.page.render import draw
from sandbox.slack.actor import Actor
from sandbox.slack.errors import NotFound
from sandbox.slack.exchange import tls
from sandbox.slack.workspace import Workspace

POLL_INTERVAL_SECONDS = 0.05
KEEPALIVE_SECONDS = 15.0
ACTION_TIMEOUT_SECONDS = 10.0
# Nothing from other hosts, and no inline scripts.
POLICY = "default-src 'self'; img-src 'self' data: http://127.0.0.1:* http://localhost:*"


Endpoint = Callable[[Request], Awaitable[Response]]


class PageRoutes:
    """The HTTP routes of the page of one workspace."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._page = Page(workspace)
        self._is_open = True

    def routes(self) -> Sequence[BaseRoute]:
        static = StaticFiles(directory=Path(__file__).parent / "static")
        return [
            Route("/", self._front),
            Mount("/page/static", static),
            Route("/page/words", self._completions),
            Route("/page/{user}/file/{file}", _known(self._file)),
            Route("/page/{user}/changes", _known(self._changes)),
            Route("/page/{user}/{channel}", self._whole),
            Route("/page/{user}/{channel}/parts", _known(self._parts)),
            Route("/page/{user}/{channel}/{kind}", _known(self._act), methods=["POST"]),
        ]

    def close(self) -> None:
        """End the open event streams, so that the server can stop."""
        self._is_open = False

    async def _front(self, _: Request) -> Response:
        return RedirectResponse("/page/ada/general")

    async def _whole(self, request: Request) -> Response:
        try:
            actor = self._actor(request)
        except NotFound as unknown:
            return HTMLResponse(draw("missing", problem=str(unknown)), 404)
        html = self._page.whole(actor.user, actor.channel)
        return HTMLResponse(html, headers={"Content-Security-Policy": POLICY})

    async def _parts(self, request: Request) -> Response:
        actor = self._actor(request)
        tab = request.query_params.get("tab", "messages")
        loaded_at = request.query_params.get("loaded", "0")
        if not loaded_at.isdecimal():
            raise NotFound("loaded must be a number")
        return JSONResponse(self._page.parts(actor.user, actor.channel, tab, int(loaded_at)))

    async def _act(self, request: Request) -> Response:
        kind = request.path_params["kind"]
        actor, given = self._actor(request), await request.json()
        async with httpx.AsyncClient(
            verify=tls(), trust_env=False, timeout=ACTION_TIMEOUT_SECONDS
        ) as http:
            done = await run_action(http, actor, kind, given)
        result: dict[str, Any] = {}
        if kind == "suggest":
            result["options"] = draw("options", options=done.options, id=given["id"])
        if done.field_errors:
            result["modal"] = self._page.modal(actor.user, done.field_errors)
        return JSONResponse(result)

    async def _completions(self, _: Request) -> Response:
        from sandbox.page.autocomplete import completions

        return JSONResponse(await asyncio.to_thread(completions))

    async def _file(self, request: Request) -> Response:
        user = self._workspace.directory.user(request.path_params["user"])
        for file in self._workspace.files_of(user):
            if file.id == request.path_params["file"]:
                return Response(file.content, media_type="application/octet-stream")
        return Response(status_code=404)

    async def _changes(self, request: Request) -> Response:
        user = self._workspace.directory.user(request.path_params["user"])

        async def events() -> AsyncIterator[str]:
            seen, waited = None, 0.0
            while self._is_open:
                now = self._page.version(user)
                if now != seen or waited >= KEEPALIVE_SECONDS:
                    yield f"data: {json.dumps(now)}\n\n" if now != seen else ": alive\n\n"
                    seen, waited = now, 0.0
                await asyncio.sleep(POLL_INTERVAL_SECONDS)
                waited += POLL_INTERVAL_SECONDS

        headers = {"Cache-Control": "no-store"}
        return StreamingResponse(events(), media_type="text/event-stream", headers=headers)

    def _actor(self, request: Request) -> Actor:
        """Raises `NotFound`."""
        directory = self._workspace.directory
        user = directory.user(request.path_params["user"])
        channel = directory.channel(request.path_params["channel"], user)
        return Actor(self._workspace, str(request.base_url).rstrip("/"), user, channel)


def _known(endpoint: Endpoint) -> Endpoint:
    """Turn `NotFound` into a 404 with its message."""

    async def answered(request: Request) -> Response:
        try:
            return await endpoint(request)
        except NotFound as unknown:
            return JSONResponse({"error": str(unknown)}, 404)

    return answered
