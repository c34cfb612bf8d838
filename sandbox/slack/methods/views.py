"""views.…: modals and the Home tab."""

from __future__ import annotations

import json
from typing import Any, Literal

from sandbox.slack.arguments import Arguments, optional, required
from sandbox.slack.blockkit import view_problems
from sandbox.slack.errors import ApiError
from sandbox.slack.views import View
from sandbox.slack.workspace import Workspace

VIEW_BYTES = 250_000


def open_view(workspace: Workspace, given: Arguments) -> dict[str, Any]:
    """Open a modal. Raises `ApiError`: an error of the trigger_id, and those of `checked`."""
    trigger = workspace.triggers.spend(required(given, "trigger_id"))
    new = checked(given.get("view"), "modal")
    view = workspace.views.open(trigger.user_id, new, trigger.channel_id)
    return _shown(view)


def push_view(workspace: Workspace, given: Arguments) -> dict[str, Any]:
    """Push a view; the trigger must come from an open modal.

    Raises `ApiError`: as `open_view`, and push_limit_reached.
    """
    trigger = workspace.triggers.spend(required(given, "trigger_id"))
    if not trigger.view_id:
        raise ApiError("invalid_trigger_id")
    view = workspace.views.push(trigger.user_id, checked(given.get("view"), "modal"))
    return _shown(view)


def update_view(workspace: Workspace, given: Arguments) -> dict[str, Any]:
    """Update a view. Raises `ApiError`: not_found, hash_conflict, and the errors of `checked`."""
    view_id, external_id = optional(given, "view_id"), optional(given, "external_id")
    if not view_id and not external_id:
        raise ApiError("invalid_arguments", ["missing required field: view_id"])
    view = workspace.views.find(view_id, external_id)
    if view is None:
        raise ApiError("not_found")
    new = checked(given.get("view"), "home" if view.content["type"] == "home" else "modal")
    return _shown(workspace.views.update(view, new, optional(given, "hash")))


def publish_view(workspace: Workspace, given: Arguments) -> dict[str, Any]:
    """Publish a Home tab.

    Raises `ApiError`: not_enabled, user_not_found, hash_conflict, and the errors of `checked`.
    """
    user_id = required(given, "user_id")
    if not workspace.has_home_tab:
        raise ApiError("not_enabled")
    if user_id not in workspace.directory.users:
        raise ApiError("user_not_found")
    new = checked(given.get("view"), "home")
    return _shown(workspace.views.publish(user_id, new, optional(given, "hash")))


def checked(view: object, kind: Literal["modal", "home"]) -> dict[str, Any]:
    """Return `view` if it is valid. Raises `ApiError`: invalid_arguments, view_too_large."""
    if not isinstance(view, dict):
        raise ApiError("invalid_arguments", ["missing required field: view"])
    if found := view_problems(view, kind):
        raise ApiError("invalid_arguments", found)
    if len(json.dumps(view, ensure_ascii=False).encode()) > VIEW_BYTES:
        raise ApiError("view_too_large")
    return view


def _shown(view: View) -> dict[str, Any]:
    return {"view": view.as_json()}
