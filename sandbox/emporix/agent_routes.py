"""Endpoints for agents, chats, the logs of sessions and requests, and commerce events."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import unquote
from uuid import UUID, uuid4

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.emporix.authorization import tenant_of
from sandbox.emporix.errors import bad_request, not_found
from sandbox.emporix.job_routes import page_of, total_header
from sandbox.emporix.json_paths import Document, picked
from sandbox.emporix.keys import READ, RUN
from sandbox.emporix.listing import chosen_fields, listing
from sandbox.emporix.sample_data.events import COMMERCE_EVENTS
from sandbox.emporix.sessions import requests, session, with_messages
from sandbox.emporix.state import EmporixState
from sandbox.emporix.tenant import NEWEST_FIRST, Tenant

PATH = "/ai-service/{tenant}/agentic"


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
        return JSONResponse(_picked(found, fields))

    async def list_commerce_events(request: Request) -> Response:
        tenant_of(request, emporix_state, READ)
        return JSONResponse({"events": COMMERCE_EVENTS})

    return [
        Route(f"{PATH}/agents", list_agents, methods=["GET"]),
        Route(f"{PATH}/logs/sessions/{{session_id}}", get_session, methods=["GET"]),
        Route(f"{PATH}/commerce-events", list_commerce_events, methods=["GET"]),
        *_request_routes(emporix_state),
        *_chat_routes(emporix_state),
    ]


def _request_routes(emporix_state: EmporixState) -> Sequence[Route]:
    async def list_requests(request: Request) -> Response:
        tenant = tenant_of(request, emporix_state, READ)
        asked = listing(request.query_params, request.query_params.get("q", ""))
        found, total = replace(asked, fields=()).of(requests(emporix_state.jobs(tenant.name)))
        shown = [_picked(_whole(one, tenant), asked.fields) for one in found]
        return JSONResponse(shown, headers=total_header(emporix_state, request, total))

    async def get_request(request: Request) -> Response:
        tenant = tenant_of(request, emporix_state, READ)
        request_id = unquote(request.path_params["request_id"])
        fields = chosen_fields(request.query_params)
        if (found := requests(emporix_state.jobs(tenant.name)).get(request_id)) is None:
            raise not_found(request_id)
        return JSONResponse(_picked(_whole(found, tenant), fields))

    return [
        Route(f"{PATH}/logs/requests", list_requests, methods=["GET"]),
        Route(f"{PATH}/logs/requests/{{request_id}}", get_request, methods=["GET"]),
    ]


def _chat_routes(emporix_state: EmporixState) -> Sequence[Route]:
    async def start_chat(request: Request) -> Response:
        """Start a job, a second one for a repeated session: a session is a conversation."""
        tenant = tenant_of(request, emporix_state, RUN)
        agent_id, message = _chat(await request.body())
        session_id = _session_id(request.headers.get("session-id"))
        if (agent := tenant.agents.get(agent_id)) is None:
            raise not_found(agent_id)
        if agent.get("enabled") is False:  # inferred: the response is not documented
            raise bad_request(f"Agent {agent_id} is disabled.", [])
        job = emporix_state.start_chat(tenant.name, agent, message, session_id)
        return JSONResponse({"jobId": job["id"]}, 201)

    return [Route(f"{PATH}/chat-async", start_chat, methods=["POST"])]


def _chat(body: bytes) -> tuple[str, str]:
    """Return the agent's id and the message. Emporix: both are required."""
    try:
        facts = json.loads(body)
        values = [facts.get(name) for name in ("agentId", "message")]
    except (ValueError, AttributeError) as error:
        raise bad_request("Problem parsing the request body.", []) from error
    for name, value in zip(("agentId", "message"), values, strict=True):
        if not isinstance(value, str) or not value.strip():
            problem = {"message": f"{name} must not be null nor blank"}
            raise bad_request("Validation problem with request body.", [problem])
    return values[0], values[1]


def _session_id(header: str | None) -> str:
    """Return the session id of the header, or a new one. Emporix: it is a UUID."""
    try:
        return str(UUID(header) if header else uuid4())
    except ValueError as error:
        raise bad_request("session-id must be a UUID.", []) from error


def _whole(request: Document, tenant: Tenant) -> Document:
    """Return the request with its messages."""
    jobs = tenant.jobs.sorted(NEWEST_FIRST)
    job = next(job for job in reversed(jobs) if job.get("requestId") == request["requestId"])
    return with_messages(request, job)


def _picked(document: Document, fields: Sequence[str]) -> Document:
    return picked(document, fields) if fields else document
