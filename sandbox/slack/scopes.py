"""Checks the scopes of the installed app."""

from __future__ import annotations

from sandbox.slack.errors import ApiError
from sandbox.slack.workspace import Workspace


def need(workspace: Workspace, scope: str) -> None:
    """Raises `ApiError`: missing_scope, with the required and the granted scopes."""
    if scope and scope not in workspace.bot_scopes:
        provided = ",".join(sorted(workspace.bot_scopes))
        raise ApiError("missing_scope", needed=scope, provided=provided)
