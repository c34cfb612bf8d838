"""Whether the app is in a channel, and gets there; whether a user is still in the workspace."""

from __future__ import annotations

from typing import Any

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.models import Audience
from bot.slack.refusals import passes_in, word

OUTSIDERS = ("is_ext_shared", "is_pending_ext_shared")
UNSEEN = {"channel_not_found", "method_not_supported_for_channel_type"}
USER_GONE = {"user_not_found"}
USER_UNSEEN = {"user_not_visible"}
"""Slack: there may be such a person, whom the app may not see. They count as there."""

Facts = dict[str, Any]
"""What Slack says of a channel."""


class CannotEnter(Exception):
    """`reason` is archived, or invite: a private channel without the app does not exist for it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


async def look(client: AsyncWebClient, channel_id: str) -> Facts:
    """Slack: conversations.info, scopes channels:read, groups:read. Raises CannotEnter."""
    try:
        answer = await client.conversations_info(channel=channel_id)
    except SlackApiError as error:
        if word(error) in UNSEEN:
            raise CannotEnter("invite") from error
        raise
    found: Facts = answer["channel"]
    return found


async def join(client: AsyncWebClient, channel_id: str) -> None:
    """Slack: conversations.join, scope channels:join. Raises CannotEnter."""
    try:
        await client.conversations_join(channel=channel_id)
    except SlackApiError as error:
        if passes_in(error) is not None:
            raise
        raise CannotEnter("archived" if word(error) == "is_archived" else "invite") from error


async def enter(client: AsyncWebClient, channel_id: str) -> None:
    """Be where scheduled messages are posted; joins a public channel. Raises CannotEnter."""
    channel = await look(client, channel_id)
    if not channel.get("is_member"):
        await join(client, channel_id)


def audience_from(channel: Facts) -> Audience:
    """Who reads a channel, or is invited to."""
    return Audience(
        str(channel["id"]),
        outsiders=any(channel.get(name) for name in OUTSIDERS),
        direct=bool(channel.get("is_im") or channel.get("is_mpim")),
        archived=bool(channel.get("is_archived")),
    )


async def is_gone(client: AsyncWebClient, user_id: str) -> bool:
    """Whether a user has left. Slack: users.info, scope users:read."""
    try:
        answer = await client.users_info(user=user_id)
    except SlackApiError as error:
        if word(error) in USER_GONE | USER_UNSEEN:
            return word(error) in USER_GONE
        raise
    return bool(answer["user"].get("deleted"))
