"""Applies a fault to a response."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any, cast

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from sandbox.slack.faults import Fault
from sandbox.slack.workspace import Workspace

Act = Callable[[], Awaitable[Response]]
"""Runs the request and returns the real response."""


async def with_faults(workspace: Workspace, method: str, request: Request, act: Act) -> Response:
    """Respond to a call of `method`, under the next injected fault that matches."""
    has_chart = b"data_visualization" in await request.body()
    fault = workspace.faults.take(method, has_chart=has_chart)
    if fault is None:
        return await act()
    if fault.kind == "delay":
        await asyncio.sleep(fault.seconds)
        return await act()
    if fault.kind in ("cut_after", "status_after"):
        await act()
    if fault.kind in ("cut_before", "cut_after"):
        await _hang_up(request)
        return Response()
    return _replacement(fault)


def _replacement(fault: Fault) -> Response:
    """Return the response of a fault that skips the operation."""
    if fault.kind == "refuse":
        metadata = {"response_metadata": {"messages": [fault.message]}} if fault.message else {}
        return JSONResponse({"ok": False, "error": fault.error, **metadata})
    if fault.kind == "no_charts":
        return JSONResponse({"ok": False, "error": "invalid_blocks"})
    if fault.kind == "rate_limit":
        after = 1 if fault.retry_after is None else fault.retry_after
        refusal = {"ok": False, "error": "ratelimited"}
        return JSONResponse(refusal, 429, {"Retry-After": str(after)})
    if fault.kind == "html":
        status = HTTPStatus(fault.status or HTTPStatus.BAD_GATEWAY)
        return HTMLResponse(f"<html><body><h1>{status} {status.phrase}</h1></body></html>", status)
    return JSONResponse({"ok": False, "error": "internal_error"}, fault.status or 500)


async def _hang_up(request: Request) -> None:
    """Close the connection without sending anything.

    ASGI has no message for this, so this closes the socket of uvicorn's connection and waits until
    uvicorn notices. Otherwise uvicorn would send a 500.
    """
    cast("Any", request.receive).__self__.transport.close()
    while (await request.receive())["type"] != "http.disconnect":
        pass
