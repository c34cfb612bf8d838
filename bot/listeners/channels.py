"""Events about channels: what is cached about their readers is read again before the next post."""

from __future__ import annotations

from bot.slack.channel import Channel
from bot.slack.hear import event
from bot.store.audiences import Audiences


@event("channel_shared")
async def shared(channel: Channel, audiences: Audiences) -> None:
    await audiences.forget(channel.id)


@event("channel_unshared")
async def unshared(channel: Channel, audiences: Audiences) -> None:
    await audiences.forget(channel.id)


@event("channel_left")
async def left(channel: Channel, audiences: Audiences) -> None:
    """The app was removed from a public channel."""
    await audiences.forget(channel.id)


@event("group_left")
async def left_private(channel: Channel, audiences: Audiences) -> None:
    """The app was removed from a private channel."""
    await audiences.forget(channel.id)
