"""Events about people: an account of Slack was deactivated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bot.models import Caller
from bot.services.departures import Departures
from bot.slack.auditing import AuditDraft
from bot.slack.hear import event
from bot.store.audit_events import AuditEvent


def _has_left(event: Mapping[str, Any]) -> bool:
    """Slack sends this event for each change of anybody's profile or status."""
    user = event.get("user")
    return isinstance(user, Mapping) and user.get("deleted") is True and bool(user.get("id"))


@event("user_change", audit=AuditEvent.USER_LEFT, concerns=_has_left, before_ack=True)
async def left(
    caller: Caller, event: Mapping[str, Any], departures: Departures, audit_entry: AuditDraft
) -> None:
    """Their API keys are deleted at once; channels are told that digests and alerts pause."""
    user_id = str(event["user"]["id"])
    audit_entry.caller, audit_entry.owner_id = replace(caller, user_id=""), user_id
    audit_entry.count = await departures.remove_user(replace(caller, user_id=user_id))
    if not audit_entry.count:  # Slack repeats this with each change of the profile
        audit_entry.skip()
