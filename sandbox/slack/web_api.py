"""/api/<method>: checks token and scopes, then runs the method."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.slack.arguments import Arguments, arguments
from sandbox.slack.ascii_json import PlainJSON
from sandbox.slack.errors import ApiError, RateLimited
from sandbox.slack.fault_injection import with_faults
from sandbox.slack.journal import SentPayload
from sandbox.slack.methods import METHODS, Method
from sandbox.slack.scopes import need
from sandbox.slack.workspace import Workspace


def routes(workspace: Workspace) -> Sequence[Route]:
    async def call(request: Request) -> Response:
        name = request.path_params["method"]
        return await with_faults(
            workspace, name, request, partial(_answer, workspace, name, request)
        )

    return [Route("/api/{method}", call, methods=["GET", "POST"])]


async def _answer(workspace: Workspace, name: str, request: Request) -> Response:
    if name == "apps.connections.open":
        return await _open_connection(workspace, request)
    method = METHODS.get(name)
    if method is None:
        return PlainJSON({"ok": False, "error": "unknown_method", "req_method": name})
    workspace.slack_url = str(request.base_url).rstrip("/")
    try:
        given = await arguments(request)
        _admit(workspace, method, _token(request, given))
        body = _recorded(workspace, name, {n: v for n, v in given.items() if n != "token"})
    except ApiError as refused:
        body = refused.answer()
    except RateLimited as many:
        headers = _scopes(workspace, method) | {"Retry-After": str(many.seconds)}
        return PlainJSON({"ok": False, "error": "ratelimited"}, 429, headers)
    return PlainJSON(body, headers=_scopes(workspace, method))


async def _open_connection(workspace: Workspace, request: Request) -> Response:
    """apps.connections.open. Slack: its app-level token must be in the Authorization header."""
    workspace.slack_url = str(request.base_url).rstrip("/")
    try:
        url = await workspace.socket_mode.open_url(_token(request, {}))
    except ApiError as refused:
        return PlainJSON(refused.answer())
    return PlainJSON({"ok": True, "url": url})


def _recorded(workspace: Workspace, name: str, given: Arguments) -> dict[str, Any]:
    """Run a method, and record its request and response."""
    method, user_id = METHODS[name], _meant_for(workspace, given)
    try:
        body = {"ok": True, **method.run(workspace, given)}
    except ApiError as refused:
        body = refused.answer()
    if not method.is_read:
        workspace.journal.add(SentPayload(name, given, body, user_id))
    return body


def _token(request: Request, given: Arguments) -> str:
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else str(given.get("token", ""))


def _admit(workspace: Workspace, method: Method, token: str) -> None:
    if not token:
        raise ApiError("not_authed")
    if workspace.is_token_revoked:
        raise ApiError("account_inactive")
    if token != workspace.bot_token:
        raise ApiError("invalid_auth")
    need(workspace, method.scope)


def _scopes(workspace: Workspace, method: Method) -> dict[str, str]:
    held = {"x-oauth-scopes": ",".join(sorted(workspace.bot_scopes))}
    return held | ({"x-accepted-oauth-scopes": method.scope} if method.scope else {})


def _meant_for(workspace: Workspace, given: Arguments) -> str:
    """Return the user whom a call concerns; empty if the whole channel sees the result."""
    for name in ("user", "user_id", "channel"):
        if (user_id := str(given.get(name))) in workspace.directory.users:
            return user_id
    if "trigger_id" in given:
        return workspace.triggers.user_of(str(given["trigger_id"]))
    view = workspace.views.find(str(given.get("view_id", "")), str(given.get("external_id", "")))
    return view.user_id if view else ""
