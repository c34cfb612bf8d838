"""Views: each user's stack of modals, and their Home tab."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from sandbox.slack.directory import APP_ID, BOT_ID, TEAM_ID
from sandbox.slack.errors import ApiError
from sandbox.slack.generated_ids import view_with_generated_ids
from sandbox.slack.inputs import State, initial_state

STACK = 3


@dataclass(slots=True)
class View:
    """An open view; `content` is the app's view with generated ids.

    `state` contains the user's values: block_id → action_id → value. `channel_id` is the channel in
    which the view was opened, or empty.
    """

    id: str
    user_id: str
    root_id: str
    previous_id: str | None
    content: dict[str, Any]
    hash: str
    state: State = field(default_factory=dict)
    channel_id: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return the view as Slack sends it to the app."""
        shown = {"private_metadata": "", "callback_id": "", "external_id": ""} | self.content
        shown = dict.fromkeys(("close", "submit")) | shown
        shown = {"clear_on_close": False, "notify_on_close": False} | shown
        return shown | {
            "id": self.id,
            "team_id": TEAM_ID,
            "state": {"values": deepcopy(self.state)},
            "hash": self.hash,
            "previous_view_id": self.previous_id,
            "root_view_id": self.root_id,
            "app_id": APP_ID,
            "app_installed_team_id": TEAM_ID,
            "bot_id": BOT_ID,
        }


class Views:
    """Open modals by user, the top one last, and Home tabs by user."""

    def __init__(self) -> None:
        self._stacks: dict[str, list[View]] = {}
        self._homes: dict[str, View] = {}
        self._numbers = count(1)

    def top(self, user_id: str) -> View | None:
        stack = self._stacks.get(user_id)
        return stack[-1] if stack else None

    def stack(self, user_id: str) -> list[View]:
        """The open modals, the top one last."""
        return list(self._stacks.get(user_id, ()))

    def home(self, user_id: str) -> View | None:
        return self._homes.get(user_id)

    def find(self, view_id: str = "", external_id: str = "") -> View | None:
        """Find a view by id or, if that is empty, by the app's external_id."""
        modals = [view for stack in self._stacks.values() for view in stack]
        for view in [*modals, *self._homes.values()]:
            named_so = external_id and view.content.get("external_id") == external_id
            if view.id == view_id or named_so:
                return view
        return None

    def open(self, user_id: str, content: Mapping[str, Any], channel_id: str = "") -> View:
        """Open the first modal of a new stack."""
        self._unique(content)
        view = self._new(user_id, content, channel_id=channel_id)
        self._stacks[user_id] = [view]
        return view

    def push(self, user_id: str, content: Mapping[str, Any]) -> View:
        """Push a modal on the stack. Raises `ApiError`: not_found, push_limit_reached."""
        stack = self._stacks.get(user_id)
        if not stack:
            raise ApiError("not_found")
        if len(stack) >= STACK:
            raise ApiError("push_limit_reached")
        self._unique(content)
        view = self._new(user_id, content, stack[-1], stack[-1].channel_id)
        stack.append(view)
        return view

    def update(self, view: View, content: Mapping[str, Any], expected: str = "") -> View:
        """Replace the content. Values are kept if block_id and action_id are the same.

        Raises `ApiError`: hash_conflict, if `expected` is given and is not the view's hash.
        """
        if expected and expected != view.hash:
            raise ApiError("hash_conflict")
        self._unique(content, view)
        view.content = view_with_generated_ids(content)
        view.state = initial_state(view.content["blocks"], view.state, view.channel_id)
        view.hash = self._hash()
        return view

    def publish(self, user_id: str, content: Mapping[str, Any], expected: str = "") -> View:
        """Publish a user's Home tab. Raises `ApiError`: hash_conflict."""
        if user_id in self._homes:
            return self.update(self._homes[user_id], content, expected)
        self._homes[user_id] = self._new(user_id, content)
        return self._homes[user_id]

    def close(self, view: View) -> None:
        """Close this modal. The one below it becomes visible."""
        self._stacks[view.user_id] = [v for v in self._stacks[view.user_id] if v is not view]

    def close_all(self, user_id: str) -> None:
        self._stacks.pop(user_id, None)

    def clear(self) -> None:
        self._stacks.clear()
        self._homes.clear()

    def _new(
        self,
        user_id: str,
        content: Mapping[str, Any],
        below: View | None = None,
        channel_id: str = "",
    ) -> View:
        view_id = f"V0{next(self._numbers):08d}"
        given = view_with_generated_ids(content)
        root, previous = (below.root_id, below.id) if below else (view_id, None)
        state = initial_state(given["blocks"], None, channel_id)
        return View(view_id, user_id, root, previous, given, self._hash(), state, channel_id)

    def _hash(self) -> str:
        number = next(self._numbers)
        return f"{1_700_000_000 + number}.{number:08x}"

    def _unique(self, content: Mapping[str, Any], but: View | None = None) -> None:
        external_id = content.get("external_id")
        other = self.find(external_id=external_id) if external_id else None
        if other and other is not but:
            raise ApiError("duplicate_external_id")
