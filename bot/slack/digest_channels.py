"""Channels that digests are posted to: whether the app is and may be there, and who reads them."""

from __future__ import annotations

from slack_sdk.web.async_client import AsyncWebClient

from bot.errors import DigestRefused
from bot.models import Audience
from bot.services.sharing import refused
from bot.slack.people import People
from bot.slack.presence import UNSEEN, CannotEnter, audience_from, join, look


class DigestChannels:
    """Asks Slack, and joins. `allow_outsiders` is the operator's word.

    Its methods raise what Slack's other refusals are called.
    """

    def __init__(self, client: AsyncWebClient, *, allow_outsiders: bool) -> None:
        self._client, self._allow_outsiders = client, allow_outsiders

    async def enter(self, channel_id: str, people: People) -> None:
        """Be where a digest is to be posted; joins a public channel that the person is in.

        Raises DigestRefused and NotInChannel, and then nothing is joined.
        """
        try:
            channel = await look(self._client, channel_id)
            self.admit(audience_from(channel))
            await people.must_be_in(channel_id)
            if not channel.get("is_member"):
                await join(self._client, channel_id)
        except CannotEnter as error:
            raise DigestRefused(error.reason, channel_id) from error

    async def join(self, channel_id: str) -> None:
        """Raises DigestRefused where only an invitation helps."""
        try:
            await join(self._client, channel_id)
        except CannotEnter as error:
            raise DigestRefused(error.reason, channel_id) from error

    def admit(self, audience: Audience) -> None:
        """Raises DigestRefused where a digest may not be posted for these readers."""
        if audience.refused in UNSEEN:
            raise DigestRefused("gone", audience.channel_id)
        if not audience.known:
            raise DigestRefused(said_by_slack(audience.refused), audience.channel_id)
        if audience.archived:
            raise DigestRefused("archived", audience.channel_id)
        if reason := refused(audience, allow_outsiders=self._allow_outsiders):
            raise DigestRefused(reason, audience.channel_id)


def said_by_slack(word: str) -> str:
    """The reason for a pause that Slack's error code gives."""
    return f"slack:{word}"
