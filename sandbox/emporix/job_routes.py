"""Endpoints for jobs: list, search, get and delete."""

from __future__ import annotations

import json
from collections.abc import Sequence
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.emporix.authorization import tenant_of
from sandbox.emporix.errors import bad_request, not_found
from sandbox.emporix.json_paths import picked
from sandbox.emporix.keys import MANAGE, READ
from sandbox.emporix.listing import chosen_fields, listing
from sandbox.emporix.state import EmporixState
from sandbox.emporix.tenant import Collection


def routes(emporix_state: EmporixState) -> Sequence[Route]:
    async def list_jobs(request: Request) -> Response:
        tenant = tenant_of(request, emporix_state, READ)
        return page_of(emporix_state, tenant.jobs, request, request.query_params.get("q", ""))

    async def search_jobs(request: Request) -> Response:
        tenant = tenant_of(request, emporix_state, READ)
        return page_of(emporix_state, tenant.jobs, request, _q(await request.body()))

    async def get_job(request: Request) -> Response:
        tenant = tenant_of(request, emporix_state, READ)
        job_id = unquote(request.path_params["job_id"])
        fields = chosen_fields(request.query_params)
        if (job := tenant.jobs.get(job_id)) is None:
            raise not_found(job_id)
        return JSONResponse(picked(job, fields) if fields else job)

    async def delete_job(request: Request) -> Response:
        tenant = tenant_of(request, emporix_state, MANAGE)
        job_id = unquote(request.path_params["job_id"])
        if not tenant.jobs.remove(job_id):
            raise not_found(job_id)
        return Response(status_code=204)

    path = "/ai-service/{tenant}/jobs"
    return [
        Route(path, list_jobs, methods=["GET"]),
        Route(f"{path}/search", search_jobs, methods=["POST"]),
        Route(f"{path}/{{job_id}}", get_job, methods=["GET"]),
        Route(f"{path}/{{job_id}}", delete_job, methods=["DELETE"]),
    ]


def page_of(
    emporix_state: EmporixState, collection: Collection, request: Request, q: str
) -> Response:
    """Return the requested page. The total is counted only if the request asks for it."""
    shown, total = listing(request.query_params, q).of(collection)
    return JSONResponse(shown, headers=total_header(emporix_state, request, total))


def total_header(
    emporix_state: EmporixState, request: Request, total: int
) -> dict[str, str] | None:
    """Return the header with the total, or None if the request does not ask for it."""
    counted = emporix_state.counts and request.headers.get("X-Total-Count", "").lower() == "true"
    return {"X-Total-Count": str(total)} if counted else None


def _q(body: bytes) -> str:
    try:
        q = json.loads(body).get("q", "")
    except (ValueError, AttributeError) as error:
        raise bad_request("Problem parsing the request body.", []) from error
    if not isinstance(q, str):
        problem = {"field": "q", "message": "must be a string"}
        raise bad_request("Validation problem with request body.", [problem])
    return q
