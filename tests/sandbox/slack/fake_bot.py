"""A minimal Slack app that records requests and responds as scripted."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

Fields = dict[str, Any]
Script = Callable[[Fields], Awaitable[Response | None]]


@dataclass(frozen=True)
class ReceivedRequest:
    """A request as it arrived; `fields` are the form's, those in its `payload`, or JSON's."""

    headers: dict[str, str]
    body: bytes
    fields: Fields


@dataclass
class FakeBot:
    """Responds with `script`; None means an empty 200."""

    script: Script | None = None
    heard: list[ReceivedRequest] = field(default_factory=list)
    tells_running: bool = True
    _tasks: set[asyncio.Task[Any]] = field(default_factory=set)

    @property
    def last(self) -> Fields:
        return self.heard[-1].fields

    def later(self, work: Coroutine[Any, Any, Any]) -> None:
        """Run something after the ack."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def says(self, answer: Any) -> None:
        """Respond to everything with this text or JSON."""

        async def script(_: Fields) -> Response:
            return Response(answer) if isinstance(answer, str) else JSONResponse(answer)

        self.script = script

    def app(self) -> Starlette:
        routes = [
            Route("/slack/events", self._events, methods=["POST"]),
            Route("/healthz", self._healthz),
        ]
        return Starlette(routes=routes)

    async def _events(self, request: Request) -> Response:
        body = await request.body()
        fields = _fields(request.headers["content-type"], body)
        self.heard.append(ReceivedRequest(dict(request.headers), body, fields))
        answer = await self.script(fields) if self.script else None
        return answer or Response()

    async def _healthz(self, _: Request) -> Response:
        running = {"running": len(self._tasks)} if self.tells_running else {}
        return JSONResponse({"status": "ok", **running})


def _fields(content_type: str, body: bytes) -> Fields:
    if content_type == "application/json":
        fields: Fields = json.loads(body)
        return fields
    form = {name: values[0] for name, values in parse_qs(body.decode(), True).items()}
    return json.loads(form["payload"]) if "payload" in form else form
