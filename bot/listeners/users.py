"""Events about people: an account of Slack was deactivated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bot.models import Caller
from bot.services.departures import Departures
from bot.slack.hear import event


def _has_left(event: Mapping[str, Any]) -> bool:
    """Slack sends this event for each change of anybody's profile or status."""
    user = event.get("user")
    return isinstance(user, Mapping) and user.get("deleted") is True and bool(user.get("id"))


@event("user_change", concerns=_has_left)
async def left(caller: Caller, event: Mapping[str, Any], departures: Departures) -> None:
    """Their API keys are deleted at once; channels are told that digests and alerts pause."""
    await departures.remove_user(replace(caller, user_id=str(event["user"]["id"])))
