"""trigger_ids: each opens one view within 3 s."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import count
from secrets import token_hex

from sandbox.slack.errors import ApiError
from sandbox.slack.times import Clock

TRIGGER_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Trigger:
    """A trigger_id. `view_id` is the modal of the action, or empty; `channel_id` is its channel."""

    user_id: str
    expires_at: float
    view_id: str = ""
    channel_id: str = ""
    spent: bool = False


class Triggers:
    """All triggers, including used ones. An id is never reused, even after a restart."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._all: dict[str, Trigger] = {}
        self._numbers = count(1)

    def new(self, user_id: str, view_id: str = "", channel_id: str = "") -> str:
        number = next(self._numbers)
        trigger_id = f"{number}.{7_000_000_000 + number}.{token_hex(16)}"
        expires_at = self._clock() + TRIGGER_SECONDS
        self._all[trigger_id] = Trigger(user_id, expires_at, view_id, channel_id)
        return trigger_id

    def user_of(self, trigger_id: str) -> str:
        """Return the id of the trigger's user; empty if the trigger is unknown."""
        trigger = self._all.get(trigger_id)
        return trigger.user_id if trigger else ""

    def spend(self, trigger_id: str) -> Trigger:
        """Use a trigger.

        Raises `ApiError`: invalid_trigger_id, expired_trigger_id or exchanged_trigger_id.
        """
        trigger = self._all.get(trigger_id)
        if trigger is None:
            raise ApiError("invalid_trigger_id")
        if self._clock() > trigger.expires_at:
            raise ApiError("expired_trigger_id")
        if trigger.spent:
            raise ApiError("exchanged_trigger_id")
        self._all[trigger_id] = replace(trigger, spent=True)
        return trigger
