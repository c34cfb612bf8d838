"""Events about channels: shared with others, left by the app, archived, deleted."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from bot.models import Caller
from bot.services.departures import ARCHIVED, REMOVED, Affected, Departures
from bot.slack.channel import Channel
from bot.slack.directly import Directly
from bot.slack.hear import Afterwards, event
from bot.store.audiences import Audiences


@event("channel_shared", before_ack=True)
async def shared(channel: Channel, audiences: Audiences) -> None:
    """What is cached about its readers is read again before the next post."""
    await audiences.forget(channel.id)


@event("channel_unshared", before_ack=True)
async def unshared(channel: Channel, audiences: Audiences) -> None:
    await audiences.forget(channel.id)


@event("channel_left", before_ack=True)
async def left(
    caller: Caller,
    channel: Channel,
    audiences: Audiences,
    departures: Departures,
    directly: Directly,
    afterwards: Afterwards,
) -> None:
    """The app was removed from a public channel."""
    await audiences.forget(channel.id)
    affected = await departures.pause_channel(caller, channel.id, REMOVED)
    _notify(affected, "removed", channel.id, directly, afterwards)


@event("group_left", before_ack=True)
async def left_private(
    caller: Caller,
    channel: Channel,
    audiences: Audiences,
    departures: Departures,
    directly: Directly,
    afterwards: Afterwards,
) -> None:
    """The app was removed from a private channel."""
    await left.listener(caller, channel, audiences, departures, directly, afterwards)


@event("channel_archive", before_ack=True)
async def archived(
    caller: Caller,
    channel: Channel,
    audiences: Audiences,
    departures: Departures,
    directly: Directly,
    afterwards: Afterwards,
) -> None:
    await audiences.forget(channel.id)
    affected = await departures.pause_channel(caller, channel.id, ARCHIVED)
    _notify(affected, "archived", channel.id, directly, afterwards)


@event("group_archive", before_ack=True)
async def archived_private(
    caller: Caller,
    channel: Channel,
    audiences: Audiences,
    departures: Departures,
    directly: Directly,
    afterwards: Afterwards,
) -> None:
    await archived.listener(caller, channel, audiences, departures, directly, afterwards)


@event("channel_deleted", before_ack=True)
async def deleted(
    caller: Caller,
    channel: Channel,
    departures: Departures,
    directly: Directly,
    afterwards: Afterwards,
) -> None:
    affected = await departures.delete_channel(caller, channel.id)
    _notify(affected, "deleted", channel.id, directly, afterwards)


@event("group_deleted", before_ack=True)
async def deleted_private(
    caller: Caller,
    channel: Channel,
    departures: Departures,
    directly: Directly,
    afterwards: Afterwards,
) -> None:
    await deleted.listener(caller, channel, departures, directly, afterwards)


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
