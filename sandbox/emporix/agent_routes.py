"""Endpoints for agents, the logs of sessions, and commerce events."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.emporix.authorization import tenant_of
from sandbox.emporix.errors import not_found
from sandbox.emporix.job_routes import page_of
from sandbox.emporix.json_paths import picked
from sandbox.emporix.keys import READ
from sandbox.emporix.listing import chosen_fields
from sandbox.emporix.sample_data.events import COMMERCE_EVENTS
from sandbox.emporix.sessions import session
from sandbox.emporix.state import EmporixState
from sandbox.emporix.tenant import NEWEST_FIRST


def routes(emporix_state: EmporixState) -> Sequence[Route]:
    async def list_agents(request: Request) -> Response:
        tenant = tenant_of(request, emporix_state, READ)
        return page_of(emporix_state, tenant.agents, request, request.query_params.get("q", ""))

    async def get_session(request: Request) -> Response:
        tenant = tenant_of(request, emporix_state, READ)
        session_id = unquote(request.path_params["session_id"])
        fields = chosen_fields(request.query_params)
        jobs = [j for j in tenant.jobs.sorted(NEWEST_FIRST) if j.get("sessionId") == session_id]
        if not jobs:
            raise not_found(session_id)
        found = session(session_id, jobs)
        return JSONResponse(picked(found, fields) if fields else found)

    async def list_commerce_events(request: Request) -> Response:
        tenant_of(request, emporix_state, READ)
        return JSONResponse({"events": COMMERCE_EVENTS})

    path = "/ai-service/{tenant}/agentic"
    return [
        Route(f"{path}/agents", list_agents, methods=["GET"]),
        Route(f"{path}/logs/sessions/{{session_id}}", get_session, methods=["GET"]),
        Route(f"{path}/commerce-events", list_commerce_events, methods=["GET"]),
    ]
