"""Channels that digests are posted to: whether the app is and may be there, and who reads there."""

from __future__ import annotations

from slack_sdk.web.async_client import AsyncWebClient

from bot.errors import DigestRefused
from bot.models import Digest
from bot.slack.presence import CannotEnter, Facts, enter, has_outsiders, is_gone, join, look


class DigestChannels:
    """Asks Slack, and joins. `allow_outsiders` is the operator's word.

    Its methods raise what Slack's other refusals are called.
    """

    def __init__(self, client: AsyncWebClient, *, allow_outsiders: bool) -> None:
        self._client, self._allow_outsiders = client, allow_outsiders

    async def enter(self, channel_id: str) -> None:
        """Be where a digest is to be posted; joins a public channel. Raises DigestRefused."""
        try:
            await enter(self._client, channel_id, self._admit)
        except CannotEnter as error:
            raise DigestRefused(error.reason, channel_id) from error

    async def join(self, channel_id: str) -> None:
        """Raises DigestRefused where only an invitation helps."""
        try:
            await join(self._client, channel_id)
        except CannotEnter as error:
            raise DigestRefused(error.reason, channel_id) from error

    async def check(self, digest: Digest) -> None:
        """Whether a digest may still be posted: its channel, its readers, its owner.

        Raises DigestRefused.
        """
        try:
            self._admit(await look(self._client, digest.channel_id))
        except CannotEnter as error:
            raise DigestRefused("gone", digest.channel_id) from error
        if await is_gone(self._client, digest.owner.user_id):
            raise DigestRefused("owner_gone", digest.channel_id)

    def _admit(self, channel: Facts) -> None:
        channel_id = str(channel["id"])
        if channel.get("is_im") or channel.get("is_mpim"):
            raise DigestRefused("direct", channel_id)
        if channel.get("is_archived"):
            raise DigestRefused("archived", channel_id)
        if not self._allow_outsiders and has_outsiders(channel):
            raise DigestRefused("outsiders", channel_id)
