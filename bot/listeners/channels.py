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


@event("channel_left", audit=AuditEvent.CHANNEL_LEFT, before_ack=True)
async def left(
    caller: Caller,
    channel: Channel,
    audiences: Audiences,
    departures: Departures,
    directly: Directly,
    afterwards: Afterwards,
    audit_entry: AuditDraft,
) -> None:
    """The app was removed from a public channel."""
    await audiences.forget(channel.id)
    affected = await departures.pause_channel(caller, channel.id, REMOVED)
    audit_entry.about_affected(affected)
    _notify(affected, "removed", channel.id, directly, afterwards)


@event("group_left", audit=AuditEvent.CHANNEL_LEFT, before_ack=True)
async def left_private(
    caller: Caller,
    channel: Channel,
    audiences: Audiences,
    departures: Departures,
    directly: Directly,
    afterwards: Afterwards,
    audit_entry: AuditDraft,
) -> None:
    """The app was removed from a private channel."""
    await left.listener(caller, channel, audiences, departures, directly, afterwards, audit_entry)


@event("channel_archive", audit=AuditEvent.CHANNEL_ARCHIVED, before_ack=True)
async def archived(
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


@event("group_archive", audit=AuditEvent.CHANNEL_ARCHIVED, before_ack=True)
async def archived_private(
    caller: Caller,
    channel: Channel,
    audiences: Audiences,
    departures: Departures,
    directly: Directly,
    afterwards: Afterwards,
    audit_entry: AuditDraft,
) -> None:
    await archived.listener(
        caller, channel, audiences, departures, directly, afterwards, audit_entry
    )


@event("channel_deleted", audit=AuditEvent.CHANNEL_DELETED, before_ack=True)
async def deleted(
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


@event("group_deleted", audit=AuditEvent.CHANNEL_DELETED, before_ack=True)
async def deleted_private(
    caller: Caller,
    channel: Channel,
    departures: Departures,
    directly: Directly,
    afterwards: Afterwards,
    audit_entry: AuditDraft,
) -> None:
    await deleted.listener(caller, channel, departures, directly, afterwards, audit_entry)


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
