"""Messages that a whole channel sees: who reads them, and how they are posted and changed."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.errors import ShareRefused
from bot.models import Audience
from bot.say.render import Say
from bot.slack.incoming import Incoming
from bot.slack.presence import CannotEnter, audience_from, enter
from bot.slack.refusals import TROUBLE, named, word
from bot.slack.reply import by_response_url

logger = logging.getLogger(__name__)

UNKNOWN = {"channel_not_found", "missing_scope", "method_not_supported_for_channel_type"}
DIRECT = "D"  # Slack: the ids of direct messages begin with it

NOT_THERE = {"channel_not_found", "not_in_channel", "user_not_in_channel", "is_archived"}


class Channel:
    """The channel of one request, and the message in it whose button was pressed."""

    def __init__(self, say: Say, session: aiohttp.ClientSession, incoming: Incoming) -> None:
        self._say, self._session, self._incoming = say, session, incoming

    @property
    def id(self) -> str:
        """Slack's id of the channel; "" where the request came from no channel."""
        return self._incoming.channel_id

    @property
    def place(self) -> str:
        """Names the message of the request within its workspace."""
        return f"{self._incoming.channel_id}:{self._incoming.message_ts}"

    @property
    def message_ts(self) -> str:
        return self._incoming.message_ts

    @property
    def is_shared(self) -> bool:
        """Whether the pressed button stands in a message for all of a channel."""
        return bool(self.message) and not self.id.startswith(DIRECT)

    @property
    def message(self) -> Mapping[str, Any]:
        """The message of the request as all see it; empty where only one person does."""
        return self._incoming.message or {}

    async def audience(self) -> Audience:
        """Who reads the channel."""
        return await audience_of(self._incoming.client, self._incoming.channel_id)

    async def enter(self) -> None:
        """Be where something is to be posted by the clock; joins a public channel.

        Raises ShareRefused where only an invitation helps.
        """
        try:
            await enter(self._incoming.client, self.id)
        except CannotEnter as error:
            raise ShareRefused("not_member") from error

    async def post(self, template: str, /, **facts: Any) -> None:
        """A new message for everyone; raises ShareRefused where the app may not post.

        A response_url posts where the app is no member, too, but not into a thread;
        chat.postMessage does the opposite.
        """
        message: dict[str, Any] = self._say.render(template, **facts)
        if await self._by_response_url(message, replace=False):
            return
        try:
            await self._incoming.client.chat_postMessage(
                channel=self._incoming.channel_id,
                thread_ts=self._incoming.thread_ts or None,
                **message,
            )
        except SlackApiError as error:
            if word(error) not in NOT_THERE:
                raise
            raise ShareRefused("not_member") from error

    async def edit(self, message: dict[str, Any]) -> bool:
        """Put `message` in the place of the pressed one, for all; False where Slack refuses."""
        if await self._by_response_url(message, replace=True):
            return True
        try:
            await self._incoming.client.chat_update(
                channel=self._incoming.channel_id,
                ts=self._incoming.message_ts,
                text=message["text"],
                blocks=message["blocks"],
            )
        except TROUBLE as error:
            logger.warning("a shared message stays as it is: %s", named(error))
            return False
        return True

    def render(self, template: str, /, **facts: Any) -> dict[str, Any]:
        """A message for `edit`."""
        return self._say.render(template, **facts)

    async def _by_response_url(self, message: dict[str, Any], *, replace: bool) -> bool:
        body = {**message, "response_type": "in_channel", "replace_original": replace}
        return await by_response_url(self._session, self._incoming, body)


async def audience_of(client: AsyncWebClient, channel_id: str) -> Audience:
    """Who reads a channel. Slack: conversations.info, scopes channels:read, groups:read."""
    if channel_id.startswith(DIRECT):
        return Audience(channel_id, direct=True)
    try:
        answer = await client.conversations_info(channel=channel_id)
    except SlackApiError as error:
        if word(error) not in UNKNOWN:
            raise
        return Audience(channel_id, known=False, refused=word(error))
    return audience_from(answer["channel"])
