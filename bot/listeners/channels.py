"""Events about channels: shared with others, left by the app, archived, deleted."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

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


async def _left(
    caller: Caller,
    channel: Channel,
    audiences: Audiences,
    departures: Departures,
    directly: Directly,
    afterwards: Afterwards,
    audit_entry: AuditDraft,
) -> None:
    await audiences.forget(channel.id)
    affected = await departures.pause_channel(caller, channel.id, REMOVED)
    audit_entry.about_affected(affected)
    _notify(affected, "removed", channel.id, directly, afterwards)


async def _archived(
    caller: Caller,
    channel: Channel,
    audiences: Audiences,
    departures: Departures,
    directly: Directly,
    afterwards: Afterwards,
    audit_entry: AuditDraft,
) -> None:
    await audiences.forget(channel.id)
    affected = await departures.pause_channel(caller, channel.id, ARCHIVED)
    audit_entry.about_affected(affected)
    _notify(affected, "archived", channel.id, directly, afterwards)


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
left = event("channel_left", audit=AuditEvent.CHANNEL_LEFT, before_ack=True)(_left)
left_private = event("group_left", audit=AuditEvent.CHANNEL_LEFT, before_ack=True)(_left)
archived = event("channel_archive", audit=AuditEvent.CHANNEL_ARCHIVED, before_ack=True)(_archived)
archived_private = event("group_archive", audit=AuditEvent.CHANNEL_ARCHIVED, before_ack=True)(
    _archived
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
