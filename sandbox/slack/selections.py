"""The state of inputs in messages per user, and the options offered to them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sandbox.slack.inputs import State, initial_state
from sandbox.slack.messages import Message


class Selections:
    """The state of messages by who looks at them; as long as the workspace is."""

    def __init__(self) -> None:
        self._states: dict[tuple[str, str, str], State] = {}
        self._offers: dict[tuple[str, ...], Sequence[dict[str, Any]]] = {}

    def of(self, user_id: str, message: Message) -> State:
        """To be changed in place; a message that changed keeps what its blocks still have."""
        key = (user_id, message.channel_id, message.ts)
        self._states[key] = initial_state(message.blocks, self._states.get(key))
        return self._states[key]

    def offer(self, *where: str, options: Sequence[dict[str, Any]]) -> None:
        """`where` is the user, the view or message, the block and the action of a select."""
        self._offers[where] = options

    def offered(self, *where: str) -> Sequence[dict[str, Any]]:
        return self._offers.get(where, ())

    def clear(self) -> None:
        self._states.clear()
        self._offers.clear()
