"""/commands/…, /actions/… and /app/…: the endpoints behind a response_url."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from sandbox.slack.arguments import Arguments, arguments
from sandbox.slack.blockkit import Surface
from sandbox.slack.errors import ApiError
from sandbox.slack.fault_injection import with_faults
from sandbox.slack.journal import SentPayload
from sandbox.slack.message_content import content
from sandbox.slack.messages import Message
from sandbox.slack.response_urls import ResponseUrl, UrlGone
from sandbox.slack.workspace import Workspace

KINDS = ("commands", "actions", "app")


def routes(workspace: Workspace) -> Sequence[Route]:
    async def post(request: Request) -> Response:
        act = partial(_answer, workspace, request)
        return await with_faults(workspace, "response_url", request, act)

    return [Route(f"/{kind}/{{rest:path}}", post, methods=["POST"]) for kind in KINDS]


async def _answer(workspace: Workspace, request: Request) -> Response:
    path, given = request.url.path, dict[str, object]()
    try:
        given = await arguments(request)
        respond(workspace, workspace.response_urls.spend(path), given)
        status, body = 200, "ok"
    except UrlGone as gone:
        status, body = 404, str(gone)
    except ApiError as refused:
        status, body = 404 if refused.error == "message_not_found" else 400, refused.error
    url = workspace.response_urls.find(path)
    answer = {"status": status, "body": body}
    workspace.journal.add(SentPayload("response_url", given, answer, url.user_id if url else ""))
    return PlainTextResponse(body, status)


def respond(workspace: Workspace, url: ResponseUrl, given: Arguments) -> None:
    """Apply the body of a response.

    Slack: only a click has an original message to replace or delete; for a slash command, a new
    message is posted (slackapi/bolt-python#1268). Raises `ApiError`: message_not_found, and the
    errors of `content`.
    """
    if url.original and given.get("delete_original"):
        workspace.messages.delete(_original(workspace, url))
        return
    if url.original and given.get("replace_original"):
        original = _original(workspace, url)
        said = content(given, surface(original.only_for))
        workspace.messages.replace(original, said.text, said.blocks)
    else:
        only_for = seen_by(given, url.user_id)
        said = content(given, surface(only_for))
        workspace.messages.add(url.channel_id, said.text, said.blocks, only_for=only_for)


def surface(only_for: str) -> Surface:
    """Return the kind of a message that only this user sees, or everyone if empty."""
    return "ephemeral" if only_for else "message"


def seen_by(given: Arguments, user_id: str) -> str:
    """Return `Message.only_for`: this user, or "" if the response is for the channel.

    Raises `ApiError`: invalid_response_type.
    """
    kind = given.get("response_type", "ephemeral")
    if kind not in ("ephemeral", "in_channel"):
        raise ApiError("invalid_response_type")
    return user_id if kind == "ephemeral" else ""


def _original(workspace: Workspace, url: ResponseUrl) -> Message:
    message = workspace.messages.find(url.channel_id, url.original)
    if message is None:
        raise ApiError("message_not_found")
    return message
