"""Channels that digests are posted to: whether the app is and may be there, and who reads there."""

from __future__ import annotations

from typing import Any

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.errors import DigestRefused
from bot.models import Digest
from bot.slack.refusals import word

OUTSIDERS = ("is_ext_shared", "is_pending_ext_shared")
GONE = {"channel_not_found", "method_not_supported_for_channel_type"}
USER_GONE = {"user_not_found", "user_not_visible"}


class DigestChannels:
    """Asks Slack, and joins. `allow_outsiders` is the operator's word.

    Its methods raise what Slack's other refusals are called.
    """

    def __init__(self, client: AsyncWebClient, *, allow_outsiders: bool) -> None:
        self._client, self._allow_outsiders = client, allow_outsiders

    async def enter(self, channel_id: str) -> None:
        """Be where a digest is to be posted; joins a public channel. Raises DigestRefused.

        Slack: a private channel without the app does not exist for it; conversations.join has the
        scope channels:join.
        """
        channel = await self._admitted(channel_id, unseen="invite")
        if not channel.get("is_member"):
            await self.join(channel_id)

    async def join(self, channel_id: str) -> None:
        """Raises DigestRefused where only an invitation helps."""
        try:
            await self._client.conversations_join(channel=channel_id)
        except SlackApiError as error:
            if word(error) == "is_archived":
                raise DigestRefused("archived", channel_id) from error
            raise DigestRefused("invite", channel_id) from error

    async def check(self, digest: Digest) -> None:
        """Whether a digest may still be posted: its channel, its readers, its owner.

        Raises DigestRefused.
        """
        await self._admitted(digest.channel_id, unseen="gone")
        if await self._is_gone(digest.owner.user_id):
            raise DigestRefused("owner_gone", digest.channel_id)

    async def _admitted(self, channel_id: str, *, unseen: str) -> dict[str, Any]:
        try:
            answer = await self._client.conversations_info(channel=channel_id)
        except SlackApiError as error:
            if word(error) in GONE:
                raise DigestRefused(unseen, channel_id) from error
            raise
        channel: dict[str, Any] = answer["channel"]
        if channel.get("is_im") or channel.get("is_mpim"):
            raise DigestRefused("direct", channel_id)
        if channel.get("is_archived"):
            raise DigestRefused("archived", channel_id)
        if not self._allow_outsiders and any(channel.get(name) for name in OUTSIDERS):
            raise DigestRefused("outsiders", channel_id)
        return channel

    async def _is_gone(self, user_id: str) -> bool:
        try:
            answer = await self._client.users_info(user=user_id)
        except SlackApiError as error:
            if word(error) in USER_GONE:
                return True
            raise
        return bool(answer["user"].get("deleted"))
