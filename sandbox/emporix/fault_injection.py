"""What a fault makes of an answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from http import HTTPStatus

from starlette.responses import Response

from sandbox.emporix.buffered_response import Answer, proxy_page, refused
from sandbox.emporix.errors import of_status, quota
from sandbox.emporix.faults import Fault

Proceed = Callable[[], Awaitable[Answer]]
"""Does what the request asks for, and gives the real answer."""


async def spoiled(fault: Fault, path: str, proceed: Proceed) -> Answer | None:
    """The answer under this fault; None where the connection is to be cut instead."""
    match fault.kind:
        case "cut_before":
            return None
        case "cut_after":
            await proceed()
            return None
        case "delay":
            await asyncio.sleep(fault.seconds)
            return await proceed()
        case "truncated":
            real = await proceed()
            return real.with_body(real.body[: len(real.body) // 2], 200)
    return _instead(fault, path)


def _instead(fault: Fault, path: str) -> Answer:
    """The answer of a fault under which nothing is done."""
    answer = Answer.of(_response(fault, path))
    if fault.retry_after is None:
        return answer
    return answer.with_headers({"Retry-After": str(fault.retry_after)})


def _response(fault: Fault, path: str) -> Response:
    match fault.kind:
        case "html":
            status = HTTPStatus(fault.status or HTTPStatus.BAD_GATEWAY)
            return proxy_page(status, status.phrase)
        case "rate_limit":
            return refused(quota())
        case "quota_500":
            return refused(quota(500))
        case "status":
            return refused(of_status(fault.status, path.rpartition("/")[2]))
    return Response(media_type="application/json")
