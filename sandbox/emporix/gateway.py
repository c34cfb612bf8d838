"""The API gateway: limits sizes, records requests and injects faults."""

from __future__ import annotations

import json
from functools import partial
from typing import Any, cast

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from sandbox.emporix.buffered_response import BufferedResponse, buffer, error_response
from sandbox.emporix.control_routes import PREFIX
from sandbox.emporix.errors import ApiError, headers_too_large, too_large, url_too_long
from sandbox.emporix.fault_injection import inject
from sandbox.emporix.state import EmporixState, RecordedRequest

# Emporix: request and response 10 MB, URL 10 KB, headers 60 KB.
BODY_LIMIT = 10 * 1024 * 1024
URL_LIMIT = 10 * 1024
HEADERS_LIMIT = 60 * 1024


class ClientDisconnected(Exception):
    """The client closed the connection before its request was complete."""


class Gateway:
    """ASGI middleware that passes on the raw path, still percent-encoded.

    An encoded slash therefore stays part of an id; the routes decode their own segments.
    """

    def __init__(self, app: ASGIApp, emporix_state: EmporixState) -> None:
        self.app, self.emporix_state = app, emporix_state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        try:
            body = await _body(receive)
            _check_size(scope)
            answer = await self._answer({**scope, "path": _path(scope)}, body)
        except ApiError as refusal:
            answer = BufferedResponse.of(error_response(refusal))
        except ClientDisconnected:
            return
        await (answer.send(send) if answer else _hang_up(receive))

    async def _answer(self, scope: Scope, body: bytes) -> BufferedResponse | None:
        proceed = partial(self._real_answer, scope, body)
        path = scope["path"]
        if path.startswith(PREFIX):
            return await proceed()
        self.emporix_state.requests.append(_recorded(scope, body))
        fault = self.emporix_state.faults.take(scope["method"], path)
        return await inject(fault, path, proceed) if fault else await proceed()

    async def _real_answer(self, scope: Scope, body: bytes) -> BufferedResponse:
        answer = await buffer(self.app, scope, body)
        if len(answer.body) > BODY_LIMIT:
            raise too_large(502)
        return answer


async def _body(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnected
        body += message.get("body", b"")
        if len(body) > BODY_LIMIT:
            raise too_large(413)
        if not message.get("more_body"):
            return bytes(body)


def _check_size(scope: Scope) -> None:
    if len(_path(scope)) + len(scope["query_string"]) > URL_LIMIT:
        raise url_too_long(URL_LIMIT)
    if sum(len(name) + len(value) for name, value in scope["headers"]) > HEADERS_LIMIT:
        raise headers_too_large(HEADERS_LIMIT)


def _path(scope: Scope) -> str:
    raw: bytes = scope["raw_path"]
    return raw.decode("ascii", "replace")


def _recorded(scope: Scope, body: bytes) -> RecordedRequest:
    return RecordedRequest(
        method=scope["method"],
        path=scope["path"],
        query=scope["query_string"].decode("ascii", "replace"),
        tenant=Headers(scope=scope).get("Emporix-Tenant", ""),
        q=_searched(body) if scope["path"].endswith("/jobs/search") else "",
    )


def _searched(body: bytes) -> str:
    try:
        return str(json.loads(body)["q"])
    except (ValueError, KeyError, TypeError):
        return ""


async def _hang_up(receive: Receive) -> None:
    """Close the connection without sending anything.

    ASGI has no message for this, so this closes the socket of uvicorn's connection and waits until
    uvicorn notices. Otherwise uvicorn would send a 500.
    """
    cast("Any", receive).__self__.transport.close()
    while (await receive())["type"] != "http.disconnect":
        pass
