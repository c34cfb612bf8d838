"""A stand-in for the Emporix AI Service and its OAuth, refusing what the real one refuses.

    world = World.believable(time.time)
    async with serving(create_app(world)) as url: ...

`python -m sandbox emporix` runs it for people. Keys to ask a token with are in `keys.py`; what is
spoken of the service is in `jobs.py`, `agentic.py` and `query.py`; the faults that can be ordered,
from Python or by `POST /sandbox/faults`, are in `faults.py`.
"""

from __future__ import annotations

from http import HTTPStatus

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response

from sandbox.emporix import agent_routes, control_routes, job_routes, oauth
from sandbox.emporix.buffered_response import proxy_page, refused
from sandbox.emporix.errors import Refusal
from sandbox.emporix.gateway import Door
from sandbox.emporix.state import World


def create_app(world: World) -> Starlette:
    """The whole of it on one address; `world` may be looked at and changed while it runs."""
    subjects = (oauth, job_routes, agent_routes, control_routes)
    app = Starlette(
        routes=[route for subject in subjects for route in subject.routes(world)],
        middleware=[Middleware(Door, world)],
        exception_handlers={Refusal: _refuse, HTTPException: _unknown},
    )
    app.router.redirect_slashes = False
    return app


async def _refuse(_: Request, refusal: Exception) -> Response:
    assert isinstance(refusal, Refusal)
    return refused(refusal)


async def _unknown(_: Request, error: Exception) -> Response:
    """A path or a method that no service has never passes the proxy."""
    assert isinstance(error, HTTPException)
    return proxy_page(error.status_code, HTTPStatus(error.status_code).phrase)
