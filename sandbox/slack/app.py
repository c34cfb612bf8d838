"""A stand-in for Slack that rejects the same requests.

    workspace = Workspace(time.time)
    async with serving(create_app(workspace)) as slack_url: ...

The app under test uses `{slack_url}/api/` as Slack's Web API. It listens at `workspace.bot_url`, or
connects in Socket Mode if `workspace.socket_mode.is_enabled`.
Users act through `person.Person` or `/sandbox/…`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.routing import BaseRoute

from sandbox.slack import control_routes, response_url_routes, upload_routes, web_api
from sandbox.slack.workspace import Workspace


def create_app(workspace: Workspace, more: Sequence[BaseRoute] = ()) -> Starlette:
    """Combine the Web API, response_urls, uploads, control endpoints and `more` routes."""
    modules = (web_api, response_url_routes, upload_routes, control_routes)
    there = [route for page_routes in modules for route in page_routes.routes(workspace)]

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        await workspace.socket_mode.close()

    app = Starlette(routes=[*there, *more], lifespan=lifespan)
    app.router.redirect_slashes = False
    return app
