"""conversations.open: the direct messages of a user with the app."""

from __future__ import annotations

from typing import Any

from sandbox.slack.arguments import Arguments, required
from sandbox.slack.refusal import Refused
from sandbox.slack.workspace import Workspace


def open_direct(workspace: Workspace, given: Arguments) -> dict[str, Any]:
    """Refused: user_not_found, also for more than one user."""
    user = workspace.directory.users.get(required(given, "users"))
    if user is None:
        raise Refused("user_not_found")
    return {"channel": {"id": workspace.directory.direct(user).id}}
