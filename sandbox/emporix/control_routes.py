"""/sandbox/…: orders to the stand-in itself; the real service has none of these."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import TypeAdapter, ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.emporix.errors import bad_request
from sandbox.emporix.faults import Fault
from sandbox.emporix.state import World

ORDER = TypeAdapter(Fault)
PREFIX = "/sandbox/"


def routes(world: World) -> Sequence[Route]:
    async def add_fault(request: Request) -> Response:
        try:
            world.faults.add(ORDER.validate_json(await request.body()))
        except ValidationError as problem:
            raise bad_request(str(problem), []) from problem
        return Response(status_code=204)

    async def clear_faults(_: Request) -> Response:
        world.faults.clear()
        return Response(status_code=204)

    async def expire_tokens(_: Request) -> Response:
        world.expire_tokens()
        return Response(status_code=204)

    return [
        Route(f"{PREFIX}faults", add_fault, methods=["POST"]),
        Route(f"{PREFIX}faults", clear_faults, methods=["DELETE"]),
        Route(f"{PREFIX}expire-tokens", expire_tokens, methods=["POST"]),
    ]
