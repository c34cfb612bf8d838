"""Workspace events: changes to channels, users and the app's installation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from bot.domain.accounts import Caller
from bot.domain.audit import AuditEvent
from bot.services.departures import ARCHIVED, REMOVED, AffectedWork, Departures
from bot.slack.audit import AuditDraft
from bot.slack.conversations import Channel
from bot.slack.decorators import RunAfterAck, event
from bot.slack.posting.notifier import DirectMessages
from bot.store.slack_cache import AudienceCache


def _has_left(event: Mapping[str, Any]) -> bool:
    """Whether a user has left; Slack sends this event for every profile change."""
    user = event.get("user")
    return isinstance(user, Mapping) and user.get("deleted") is True and bool(user.get("id"))


@event("user_change", audit=AuditEvent.USER_LEFT, concerns=_has_left, before_ack=True)
async def user_left(
    caller: Caller, event: Mapping[str, Any], departures: Departures, audit_entry: AuditDraft
) -> None:
    """Delete the user's API keys, and pause their digests and alerts with a notice."""
    user_id = str(event["user"]["id"])
    audit_entry.caller, audit_entry.owner_id = replace(caller, user_id=""), user_id
    audit_entry.count = await departures.remove_user(replace(caller, user_id=user_id))
    if not audit_entry.count:  # Slack repeats the event with each profile change
        audit_entry.skip()


@event("channel_shared", audit=None, before_ack=True)
async def shared(channel: Channel, audiences: AudienceCache) -> None:
    """Invalidate the cached audience, so that it is read again before the next post."""
    await audiences.invalidate(channel.id)


@event("channel_unshared", audit=None, before_ack=True)
async def unshared(channel: Channel, audiences: AudienceCache) -> None:
    await audiences.invalidate(channel.id)


async def _pause(
    event: Mapping[str, Any],
    caller: Caller,
    channel: Channel,
    audiences: AudienceCache,
    departures: Departures,
    direct_messages: DirectMessages,
    run_after_ack: RunAfterAck,
    audit_entry: AuditDraft,
) -> None:
    """Pause a channel's scheduled work after the app was removed or the channel archived."""
    await audiences.invalidate(channel.id)
    reason = REMOVED if str(event["type"]).endswith("_left") else ARCHIVED
    affected = await departures.pause_channel(caller, channel.id, reason)
    audit_entry.about_affected(affected)
    _notify(affected, reason, channel.id, direct_messages, run_after_ack)


async def _deleted(
    caller: Caller,
    channel: Channel,
    departures: Departures,
    direct_messages: DirectMessages,
    run_after_ack: RunAfterAck,
    audit_entry: AuditDraft,
) -> None:
    affected = await departures.delete_channel(caller, channel.id)
    audit_entry.about_affected(affected)
    _notify(affected, "deleted", channel.id, direct_messages, run_after_ack)


# Slack has separate event types for public and private channels.
channel_left = event("channel_left", audit=AuditEvent.CHANNEL_LEFT, before_ack=True)(_pause)
left_private = event("group_left", audit=AuditEvent.CHANNEL_LEFT, before_ack=True)(_pause)
archived = event("channel_archive", audit=AuditEvent.CHANNEL_ARCHIVED, before_ack=True)(_pause)
archived_private = event("group_archive", audit=AuditEvent.CHANNEL_ARCHIVED, before_ack=True)(
    _pause
)
deleted = event("channel_deleted", audit=AuditEvent.CHANNEL_DELETED, before_ack=True)(_deleted)
deleted_private = event("group_deleted", audit=AuditEvent.CHANNEL_DELETED, before_ack=True)(
    _deleted
)


def _notify(
    affected: Sequence[AffectedWork],
    why: str,
    channel_id: str,
    direct_messages: DirectMessages,
    run_after_ack: RunAfterAck,
) -> None:
    """Send one direct message to each affected owner."""
    for one in affected:
        facts = {"channel_id": channel_id, "digests": one.digests, "alerts": one.alerts}
        run_after_ack(
            partial(direct_messages.send, one.owner, "workspace_events.stopped", why=why, **facts)
        )


@event("app_uninstalled", audit=AuditEvent.APP_UNINSTALLED, before_ack=True)
async def uninstalled(caller: Caller, departures: Departures) -> None:
    await departures.uninstall(caller.team_id)


def _is_of_bot(event: Mapping[str, Any]) -> bool:
    """Whether the bot token was revoked.

    Slack: `tokens` has user ids by type; the app has no user tokens.
    """
    return bool((event.get("tokens") or {}).get("bot"))


@event("tokens_revoked", audit=AuditEvent.TOKEN_REVOKED, concerns=_is_of_bot, before_ack=True)
async def revoked(caller: Caller, departures: Departures) -> None:
    """Handle a revoked token; Slack also sends this event before or after `app_uninstalled`."""
    await departures.revoke(caller.team_id)
