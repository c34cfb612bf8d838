"""Events about the app itself: it was uninstalled, or its token was revoked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.models import Caller
from bot.services.departures import Departures
from bot.slack.hear import event
from bot.store.audit_events import AuditEvent


@event("app_uninstalled", audit=AuditEvent.APP_UNINSTALLED, before_ack=True)
async def uninstalled(caller: Caller, departures: Departures) -> None:
    await departures.uninstall(caller.team_id)


def _is_of_bot(event: Mapping[str, Any]) -> bool:
    """Slack: `tokens` has user ids by kind of token; the app has none of users."""
    return bool((event.get("tokens") or {}).get("bot"))


@event("tokens_revoked", audit=AuditEvent.TOKEN_REVOKED, concerns=_is_of_bot, before_ack=True)
async def revoked(caller: Caller, departures: Departures) -> None:
    """Comes with an uninstall, too, before that or after it."""
    await departures.revoke(caller.team_id)
