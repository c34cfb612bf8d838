"""Applies a fault to a response."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from http import HTTPStatus

from starlette.responses import Response

from sandbox.emporix.buffered_response import BufferedResponse, error_response, proxy_page
from sandbox.emporix.errors import for_status, quota_exceeded
from sandbox.emporix.faults import Fault

Proceed = Callable[[], Awaitable[BufferedResponse]]
"""Runs the request and returns the real response."""


async def inject(fault: Fault, path: str, proceed: Proceed) -> BufferedResponse | None:
    """Return the response with this fault applied, or None to cut the connection."""
    match fault.kind:
        case "cut_before":
            return None
        case "cut_after":
            await proceed()
            return None
        case "status_after":
            await proceed()
        case "delay":
            await asyncio.sleep(fault.seconds)
            return await proceed()
        case "truncated":
            real = await proceed()
            return real.with_body(real.body[: len(real.body) // 2], 200)
    return _replacement(fault, path)


def _replacement(fault: Fault, path: str) -> BufferedResponse:
    """Return the response of a fault instead of the real one."""
    answer = BufferedResponse.of(_response(fault, path))
    if fault.retry_after is None:
        return answer
    return answer.with_headers({"Retry-After": str(fault.retry_after)})


def _response(fault: Fault, path: str) -> Response:
    match fault.kind:
        case "html":
            status = HTTPStatus(fault.status or HTTPStatus.BAD_GATEWAY)
            return proxy_page(status, status.phrase)
        case "rate_limit":
            return error_response(quota_exceeded())
        case "quota_500":
            return error_response(quota_exceeded(500))
        case "status" | "status_after":
            return error_response(for_status(fault.status, path.rpartition("/")[2]))
    return Response(media_type="application/json")
