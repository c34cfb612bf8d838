"""Events about channels: shared with others, left by the app, archived, deleted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from bot.models import Caller
from bot.services.departures import ARCHIVED, REMOVED, Affected, Departures
from bot.slack.auditing import AuditDraft
from bot.slack.channel import Channel
from bot.slack.directly import Directly
from bot.slack.hear import Afterwards, event
from bot.store.audiences import Audiences
from bot.store.audit_events import AuditEvent


@event("channel_shared", audit=None, before_ack=True)
async def shared(channel: Channel, audiences: Audiences) -> None:
    """What is cached about its readers is read again before the next post."""
    await audiences.forget(channel.id)


@event("channel_unshared", audit=None, before_ack=True)
async def unshared(channel: Channel, audiences: Audiences) -> None:
    await audiences.forget(channel.id)


async def _pause(
    event: Mapping[str, Any],
    caller: Caller,
    channel: Channel,
    audiences: Audiences,
    departures: Departures,
    directly: Directly,
    afterwards: Afterwards,
    audit_entry: AuditDraft,
) -> None:
    """The app was removed from the channel, or the channel was archived."""
    await audiences.forget(channel.id)
    reason = REMOVED if str(event["type"]).endswith("_left") else ARCHIVED
    affected = await departures.pause_channel(caller, channel.id, reason)
    audit_entry.about_affected(affected)
    _notify(affected, reason, channel.id, directly, afterwards)


async def _deleted(
    caller: Caller,
    channel: Channel,
    departures: Departures,
    directly: Directly,
    afterwards: Afterwards,
    audit_entry: AuditDraft,
) -> None:
    affected = await departures.delete_channel(caller, channel.id)
    audit_entry.about_affected(affected)
    _notify(affected, "deleted", channel.id, directly, afterwards)


# Slack: the same event has two types, for public and for private channels.
left = event("channel_left", audit=AuditEvent.CHANNEL_LEFT, before_ack=True)(_pause)
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
    affected: Sequence[Affected],
    why: str,
    channel_id: str,
    directly: Directly,
    afterwards: Afterwards,
) -> None:
    """One direct message to each owner of something there."""
    for one in affected:
        facts = {"channel_id": channel_id, "digests": one.digests, "alerts": one.alerts}
        afterwards(partial(directly.tell, one.owner, "channels.stopped", why=why, **facts))
