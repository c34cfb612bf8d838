"""A stand-in for Slack, refusing what Slack refuses.

    workspace = Workspace(time.time)
    async with serving(create_app(workspace)) as slack_url: ...

The app under test uses `{slack_url}/api/` as Slack's Web API and listens at
`workspace.bot_url`; people act in it through `person.Person` or `/sandbox/…`.
"""

from __future__ import annotations

from starlette.applications import Starlette

from sandbox.slack import control, response_door, upload_door, web_api
from sandbox.slack.workspace import Workspace


def create_app(workspace: Workspace) -> Starlette:
    """Web API, response_urls, uploads and control on one address."""
    doors = (web_api, response_door, upload_door, control)
    app = Starlette(routes=[route for door in doors for route in door.routes(workspace)])
    app.router.redirect_slashes = False
    return app
