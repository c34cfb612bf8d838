"""Each user's state of inputs in messages, and the options offered to them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sandbox.slack.inputs import State, initial_state
from sandbox.slack.messages import Message


class Selections:
    """The state of messages by user."""

    def __init__(self) -> None:
        self._states: dict[tuple[str, str, str], State] = {}
        self._offers: dict[tuple[str, ...], Sequence[dict[str, Any]]] = {}

    def of(self, user_id: str, message: Message) -> State:
        """Return the mutable state.

        A changed message keeps the values of elements that still exist.
        """
        key = (user_id, message.channel_id, message.ts)
        self._states[key] = initial_state(message.blocks, self._states.get(key))
        return self._states[key]

    def offer(self, *where: str, options: Sequence[dict[str, Any]]) -> None:
        """Store options offered at `where`: a user, a view or message, a block and an action."""
        self._offers[where] = options

    def offered(self, *where: str) -> Sequence[dict[str, Any]]:
        return self._offers.get(where, ())

    def clear(self) -> None:
        self._states.clear()
        self._offers.clear()
