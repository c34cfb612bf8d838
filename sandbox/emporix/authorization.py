"""Checks the token, tenant and scope of each request."""

from __future__ import annotations

from urllib.parse import unquote

from starlette.requests import Request

from sandbox.emporix.errors import forbidden, invalid_token
from sandbox.emporix.state import EmporixState
from sandbox.emporix.tenant import Tenant


def tenant_of(request: Request, emporix_state: EmporixState, scope: str) -> Tenant:
    """Return the tenant in the path if the request's token belongs to it and has `scope`.

    Emporix: the token is bound to its tenant. A different tenant in the path or in the
    Emporix-Tenant header, or a missing header, gets the response of an invalid token. A missing
    scope is a 403.
    """
    kind, _, value = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "bearer":
        raise invalid_token()
    token = emporix_state.tokens.check(value.strip())
    named = {unquote(request.path_params["tenant"]), request.headers.get("Emporix-Tenant")}
    if named != {token.key.tenant}:
        raise invalid_token()
    if scope not in token.scopes:
        raise forbidden()
    emporix_state.catch_up()
    return emporix_state.tenant(token.key.tenant)
