"""/upload/v1/…: receives the content of an announced file, without a token."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from sandbox.slack.fault_injection import with_faults
from sandbox.slack.workspace import Workspace


def routes(workspace: Workspace) -> Sequence[Route]:
    async def upload(request: Request) -> Response:
        return await with_faults(workspace, "upload", request, partial(_answer, workspace, request))

    return [Route("/upload/v1/{key}", upload, methods=["POST"])]


async def _answer(workspace: Workspace, request: Request) -> Response:
    content = await request.body()
    if workspace.files.upload(request.url.path, content):
        return PlainTextResponse(f"OK - {len(content)}")
    return PlainTextResponse("no such upload", 404)
