"""A stand-in for the Emporix AI Service and its OAuth that rejects the same requests.

    emporix_state = EmporixState.with_sample_data(time.time)
    async with serving(create_app(emporix_state)) as url: ...

`keys.py` has API keys that get a token. The service's facts are in the modules of its routes and in
`query.py`. Faults, injected from Python or with `POST /sandbox/faults`, are in `faults.py`.
"""

from __future__ import annotations

from http import HTTPStatus

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response

from sandbox.emporix import agent_routes, control_routes, job_routes, oauth
from sandbox.emporix.buffered_response import error_response, proxy_page
from sandbox.emporix.errors import ApiError
from sandbox.emporix.gateway import Gateway
from sandbox.emporix.state import EmporixState


def create_app(emporix_state: EmporixState) -> Starlette:
    """Return the whole service as one ASGI app.

    Tests may read and change `emporix_state` while it runs.
    """
    subjects = (oauth, job_routes, agent_routes, control_routes)
    app = Starlette(
        routes=[route for subject in subjects for route in subject.routes(emporix_state)],
        middleware=[Middleware(Gateway, emporix_state)],
        exception_handlers={ApiError: _refuse, HTTPException: _unknown},
    )
    app.router.redirect_slashes = False
    return app


async def _refuse(_: Request, refusal: Exception) -> Response:
    assert isinstance(refusal, ApiError)
    return error_response(refusal)


async def _unknown(_: Request, error: Exception) -> Response:
    """Emporix: the proxy answers unknown paths and methods itself."""
    assert isinstance(error, HTTPException)
    return proxy_page(error.status_code, HTTPStatus(error.status_code).phrase)
