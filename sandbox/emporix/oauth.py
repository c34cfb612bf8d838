"""POST /oauth/token: an access token for an API key."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.emporix.errors import bad_request
from sandbox.emporix.state import EmporixState
from sandbox.emporix.tokens import IssuedToken

FORM = "application/x-www-form-urlencoded"


def routes(emporix_state: EmporixState) -> Sequence[Route]:
    async def give_token(request: Request) -> Response:
        form = await _form(request)
        issued = emporix_state.tokens.issue(
            form.get("client_id", ""), form.get("client_secret", ""), form.get("scope", "")
        )
        return JSONResponse(_answer(issued, emporix_state.tokens.seconds))

    return [Route("/oauth/token", give_token, methods=["POST"])]


async def _form(request: Request) -> dict[str, str]:
    if request.headers.get("Content-Type", "").partition(";")[0].strip().lower() != FORM:
        raise bad_request(f"Content-Type must be {FORM}.", [])
    fields = parse_qs((await request.body()).decode("utf-8", "replace"))
    form = {name: values[0] for name, values in fields.items()}
    if form.get("grant_type") != "client_credentials":
        raise bad_request("Unsupported grant type.", ["grant_type must be client_credentials"])
    return form


def _answer(issued: IssuedToken, seconds: int) -> dict[str, object]:
    return {
        "refresh_token_expires_in": 0,
        "refresh_token": "",
        "session_idle_time": 120,
        "token_type": "Bearer",
        "access_token": issued.value,
        "expires_in": seconds,
        "scope": " ".join([f"tenant={issued.key.tenant}", *sorted(issued.scopes)]),
    }
