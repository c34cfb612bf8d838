"""/sandbox/…: endpoints that control the stand-in; the real service has none of these."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import TypeAdapter, ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.emporix.errors import bad_request
from sandbox.emporix.faults import Fault
from sandbox.emporix.state import EmporixState

ORDER = TypeAdapter(Fault)
PREFIX = "/sandbox/"


def routes(emporix_state: EmporixState) -> Sequence[Route]:
    async def add_fault(request: Request) -> Response:
        try:
            emporix_state.faults.add(ORDER.validate_json(await request.body()))
        except ValidationError as problem:
            raise bad_request(str(problem), []) from problem
        return Response(status_code=204)

    async def clear_faults(_: Request) -> Response:
        emporix_state.faults.clear()
        return Response(status_code=204)

    async def expire_tokens(_: Request) -> Response:
        emporix_state.expire_tokens()
        return Response(status_code=204)

    return [
        Route(f"{PREFIX}faults", add_fault, methods=["POST"]),
        Route(f"{PREFIX}faults", clear_faults, methods=["DELETE"]),
        Route(f"{PREFIX}expire-tokens", expire_tokens, methods=["POST"]),
    ]
