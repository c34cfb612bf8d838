"""/sandbox/…: endpoints with which tests, the command line and the page act as users."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.slack import app_home, events, user_actions
from sandbox.slack.actor import Actor
from sandbox.slack.ascii_json import PlainJSON
from sandbox.slack.errors import InvalidRequest, NotFound
from sandbox.slack.exchange import exchange
from sandbox.slack.faults import Fault
from sandbox.slack.interactive_elements import ElementQuery
from sandbox.slack.workspace import Workspace

Given = Mapping[str, Any]
Answer = Callable[[Workspace, Request, Given], Awaitable[Any]]


async def command(workspace: Workspace, request: Request, given: Given) -> Any:
    act = partial(user_actions.command, typed=_text(given, "text"))
    return await exchange(_actor(workspace, request, given), act)


async def write(workspace: Workspace, request: Request, given: Given) -> Any:
    thread_ts = str(given.get("thread_ts", ""))
    act = partial(user_actions.write, text=_text(given, "text"), thread_ts=thread_ts)
    return await exchange(_actor(workspace, request, given), act)


async def shortcut(workspace: Workspace, request: Request, given: Given) -> Any:
    act = partial(user_actions.shortcut, name=_text(given, "name"), ts=str(given.get("ts", "")))
    return await exchange(_actor(workspace, request, given), act)


async def click(workspace: Workspace, request: Request, given: Given) -> Any:
    act = partial(user_actions.click, wanted=_wanted(given), confirm=given.get("confirm", True))
    return await exchange(_actor(workspace, request, given), act)


async def choose(workspace: Workspace, request: Request, given: Given) -> Any:
    value, confirm = _value(given.get("value")), given.get("confirm", True)
    act = partial(user_actions.choose, wanted=_wanted(given), given=value, confirm=confirm)
    return await exchange(_actor(workspace, request, given), act)


async def suggest(workspace: Workspace, request: Request, given: Given) -> Any:
    act = partial(user_actions.suggest, wanted=_wanted(given), typed=_text(given, "typed"))
    return await exchange(_actor(workspace, request, given), act)


async def submit(workspace: Workspace, request: Request, given: Given) -> Any:
    act = partial(user_actions.submit, values=_values(given))
    return await exchange(_actor(workspace, request, given), act)


async def close(workspace: Workspace, request: Request, given: Given) -> Any:
    return await exchange(_actor(workspace, request, given), user_actions.close)


async def dismiss(workspace: Workspace, request: Request, given: Given) -> Any:
    return await exchange(_actor(workspace, request, given), user_actions.dismiss)


async def open_home(workspace: Workspace, request: Request, given: Given) -> Any:
    act = partial(app_home.open_tab, tab=str(given.get("tab", "home")))
    return await exchange(_actor(workspace, request, given), act)


def event_route(event: Callable[..., Awaitable[user_actions.ActionResult]]) -> Answer:
    """Return an endpoint that triggers an event in the workspace."""

    async def answer(workspace: Workspace, request: Request, given: Given) -> Any:
        return await exchange(_actor(workspace, request, given), event)

    return answer


EVENT_ROUTES: Mapping[str, Callable[..., Awaitable[user_actions.ActionResult]]] = {
    "share": events.share,
    "unshare": events.unshare,
    "remove_app": events.remove_app,
    "archive": events.archive,
    "delete_channel": events.delete,
    "change_status": events.change_status,
    "deactivate": events.deactivate,
    "revoke": events.revoke,
    "uninstall": events.uninstall,
    "install": events.install,
}


async def messages(workspace: Workspace, _: Request, given: Given) -> Any:
    user = workspace.directory.user(_text(given, "user"))
    key = given.get("channel")
    channel_id = workspace.directory.channel(key, user).id if key else ""
    return [message.as_json() for message in workspace.seen_by(user, channel_id)]


async def view(workspace: Workspace, _: Request, given: Given) -> Any:
    top = workspace.views.top(workspace.directory.user(_text(given, "user")).id)
    return top.as_json() if top else None


async def files(workspace: Workspace, _: Request, given: Given) -> Any:
    user = workspace.directory.user(_text(given, "user"))
    return [file.as_json() for file in workspace.files_of(user)]


async def forget(workspace: Workspace, _: Request, __: Given) -> Any:
    workspace.forget()
    if workspace.forget_elsewhere is not None:
        await workspace.forget_elsewhere()


async def add_fault(workspace: Workspace, _: Request, given: Given) -> Any:
    try:
        workspace.faults.add(Fault(**given))
    except (TypeError, ValueError) as problem:
        raise InvalidRequest(str(problem)) from problem


async def clear_faults(workspace: Workspace, _: Request, __: Given) -> Any:
    workspace.faults.clear()


def routes(workspace: Workspace) -> Sequence[Route]:
    there: list[tuple[str, str, Answer]] = [
        ("POST", "command", command),
        ("POST", "write", write),
        ("POST", "shortcut", shortcut),
        ("POST", "click", click),
        ("POST", "choose", choose),
        ("POST", "suggest", suggest),
        ("POST", "submit", submit),
        ("POST", "close", close),
        ("POST", "dismiss", dismiss),
        ("POST", "home", open_home),
        *(("POST", name, event_route(event)) for name, event in EVENT_ROUTES.items()),
        ("GET", "messages", messages),
        ("GET", "view", view),
        ("GET", "files", files),
        ("POST", "forget", forget),
        ("POST", "faults", add_fault),
        ("DELETE", "faults", clear_faults),
    ]
    return [
        Route(f"/sandbox/{path}", _endpoint(workspace, answer), methods=[method])
        for method, path, answer in there
    ]


def _endpoint(workspace: Workspace, answer: Answer) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        try:
            return PlainJSON(await answer(workspace, request, await _given(request)))
        except NotFound as unknown:
            return PlainJSON({"error": str(unknown)}, 404)
        except InvalidRequest as malformed:
            return PlainJSON({"error": str(malformed)}, 400)

    return endpoint


async def _given(request: Request) -> Given:
    try:
        body = await request.json() if await request.body() else {}
    except ValueError as problem:
        raise InvalidRequest(f"the body is not JSON: {problem}") from problem
    if not isinstance(body, dict):
        raise InvalidRequest("the body must be a JSON object")
    return {**request.query_params, **body}


def _text(given: Given, name: str) -> str:
    value = given.get(name)
    if not isinstance(value, str):
        raise InvalidRequest(f"{name} must be given, as a string")
    return value


def _wanted(given: Given) -> ElementQuery:
    names = [name for name in ("label", "action_id", "ts") if given.get(name)]
    return ElementQuery(
        **{name: _text(given, name) for name in names},
        nth=_nth(given),
        at_home=given.get("at_home") is True,
        in_front=given.get("in_front") is True,
    )


def _value(value: Any) -> str | list[str]:
    """One text, or a list of them."""
    if isinstance(value, str) or (
        isinstance(value, list) and all(isinstance(one, str) for one in value)
    ):
        return value
    raise InvalidRequest("a value must be a string, or a list of strings")


def _nth(given: Given) -> int:
    nth = given.get("nth", 1)
    if not isinstance(nth, int) or nth < 1:
        raise InvalidRequest("nth must be a number from 1 upwards")
    return nth


def _values(given: Given) -> dict[str, str | list[str]]:
    values = given.get("values", {})
    if not isinstance(values, dict):
        raise InvalidRequest("values must be an object: label or block_id → value")
    return {name: _value(value) for name, value in values.items()}


def _actor(workspace: Workspace, request: Request, given: Given) -> Actor:
    user = workspace.directory.user(_text(given, "user"))
    channel = workspace.directory.channel(given.get("channel", "general"), user)
    return Actor(workspace, str(request.base_url).rstrip("/"), user, channel)
