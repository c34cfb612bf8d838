"""Which people and conversations a select offers to somebody."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.slack.directory import Channel, Directory, User


def offered(element: Mapping[str, Any], directory: Directory, user: User) -> list[Channel]:
    """The conversations of a channels_select or conversations_select, as its filter has them."""
    theirs = [channel for channel in directory.channels.values() if user.id in channel.members]
    if element["type"] == "channels_select":
        return [channel for channel in theirs if kind_of(channel) == "public"]
    wanted = element.get("filter", {})
    kinds = wanted.get("include") or ("public", "private", "im", "mpim")
    return [
        channel
        for channel in theirs
        if kind_of(channel) in kinds
        and not (channel.is_ext_shared and wanted.get("exclude_external_shared_channels"))
        and not (channel.is_im and wanted.get("exclude_bot_users"))
    ]


def kind_of(channel: Channel) -> str:
    """Slack's word for it in the filter of a select."""
    if channel.is_im:
        return "im"
    return "private" if channel.is_private else "public"
