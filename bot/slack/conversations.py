"""Channels: who reads them, whether the app may post there, and messages in them."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.channels import Audience
from bot.errors import DigestRefused, ShareRefused
from bot.rendering.renderer import Renderer
from bot.services.sharing import refusal_reason
from bot.slack.errors import (
    SLACK_ERRORS,
    AudienceUnknown,
    ChannelArchived,
    ChannelNotVisible,
    NotAMember,
    error_code,
    error_name,
    retry_seconds,
)
from bot.slack.reply import post_to_response_url
from bot.slack.request import SlackRequest
from bot.slack.users import CurrentUser

EXTERNAL_FLAGS = ("is_ext_shared", "is_pending_ext_shared")
ChannelInfo = dict[str, Any]
"""What Slack says of a channel."""


class CannotJoin(Exception):
    """`reason` is archived, or invite: a private channel without the app does not exist for it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


async def channel_info(client: AsyncWebClient, channel_id: str) -> ChannelInfo:
    """Slack: conversations.info, scopes channels:read, groups:read."""
    answer = await client.conversations_info(channel=channel_id)
    info: ChannelInfo = answer["channel"]
    return info


async def _visible_channel(client: AsyncWebClient, channel_id: str) -> ChannelInfo:
    """Raises CannotJoin for a private channel that the app is not in."""
    try:
        return await channel_info(client, channel_id)
    except SlackApiError as error:
        if ChannelNotVisible.includes(error):
            raise CannotJoin("invite") from error
        raise


async def join_channel(client: AsyncWebClient, channel_id: str) -> None:
    """Slack: conversations.join, scope channels:join. Raises CannotJoin."""
    try:
        await client.conversations_join(channel=channel_id)
    except SlackApiError as error:
        if retry_seconds(error) is not None:
            raise
        raise CannotJoin("archived" if ChannelArchived.includes(error) else "invite") from error


async def ensure_member(client: AsyncWebClient, channel_id: str) -> None:
    """Be where scheduled messages are posted; joins a public channel. Raises CannotJoin."""
    channel = await _visible_channel(client, channel_id)
    if not channel.get("is_member"):
        await join_channel(client, channel_id)


def audience_from_info(channel: ChannelInfo) -> Audience:
    """Who reads a channel, or is invited to."""
    return Audience(
        str(channel["id"]),
        has_outsiders=any(channel.get(name) for name in EXTERNAL_FLAGS),
        is_direct=bool(channel.get("is_im") or channel.get("is_mpim")),
        is_archived=bool(channel.get("is_archived")),
    )


class DigestChannels:
    """Asks Slack, and joins. `allow_outsiders` is the operator's word.

    Its methods raise what Slack's other refusals are called.
    """

    def __init__(self, client: AsyncWebClient, *, allow_outsiders: bool) -> None:
        self._client, self._allow_outsiders = client, allow_outsiders

    async def join_with(self, channel_id: str, user: CurrentUser) -> None:
        """Be where a digest is to be posted; joins a public channel that the person is in.

        Raises DigestRefused and NotInChannel, and then nothing is joined.
        """
        try:
            channel = await _visible_channel(self._client, channel_id)
            self.admit(audience_from_info(channel))
            await user.must_be_in(channel_id)
            if not channel.get("is_member"):
                await join_channel(self._client, channel_id)
        except CannotJoin as error:
            raise DigestRefused(error.reason, channel_id) from error

    async def join(self, channel_id: str) -> None:
        """Raises DigestRefused where only an invitation helps."""
        try:
            await join_channel(self._client, channel_id)
        except CannotJoin as error:
            raise DigestRefused(error.reason, channel_id) from error

    def admit(self, audience: Audience) -> None:
        """Raises DigestRefused where a digest may not be posted for these readers."""
        if audience.error_code in ChannelNotVisible.codes:
            raise DigestRefused("gone", audience.channel_id)
        if not audience.is_known:
            raise DigestRefused(pause_reason(audience.error_code), audience.channel_id)
        if audience.is_archived:
            raise DigestRefused("archived", audience.channel_id)
        if reason := refusal_reason(audience, allow_outsiders=self._allow_outsiders):
            raise DigestRefused(reason, audience.channel_id)


def pause_reason(code: str) -> str:
    """The reason for a pause that Slack's error code gives."""
    return f"slack:{code}"


logger = logging.getLogger(__name__)

DIRECT_MESSAGE_PREFIX = "D"  # Slack: the ids of direct messages begin with it
GROUP_MESSAGE_PREFIX = "mpdm-"  # Slack: the names of direct messages of several people


class Channel:
    """The channel of one request, and the message in it whose button was pressed."""

    def __init__(
        self, renderer: Renderer, session: aiohttp.ClientSession, request: SlackRequest
    ) -> None:
        self._renderer, self._session, self._request = renderer, session, request

    @property
    def id(self) -> str:
        """Slack's id of the channel; "" where the request came from no channel."""
        return self._request.channel_id

    @property
    def is_direct(self) -> bool:
        """Whether it is a direct message, also of several people: apps cannot be invited there."""
        is_group = self._request.channel_name.startswith(GROUP_MESSAGE_PREFIX)
        return is_group or self.id.startswith(DIRECT_MESSAGE_PREFIX)

    @property
    def message_key(self) -> str:
        """Names the message of the request within its workspace."""
        return f"{self._request.channel_id}:{self._request.message_ts}"

    @property
    def message_ts(self) -> str:
        return self._request.message_ts

    @property
    def is_shared(self) -> bool:
        """Whether the pressed button stands in a message for all of a channel."""
        return bool(self.message) and not self.is_direct

    @property
    def message(self) -> Mapping[str, Any]:
        """The message of the request as all see it; empty where only one person does."""
        return self._request.message or {}

    async def audience(self) -> Audience:
        """Who reads the channel."""
        if self.is_direct:
            return Audience(self.id, is_direct=True)
        return await read_audience(self._request.client, self._request.channel_id)

    async def join(self) -> None:
        """Make the app a member of a channel for scheduled messages; joins a public channel.

        Raises ShareRefused where only an invitation helps.
        """
        try:
            await ensure_member(self._request.client, self.id)
        except CannotJoin as error:
            raise ShareRefused("not_member") from error

    async def post(self, template: str, /, **facts: Any) -> None:
        """A new message for everyone; raises ShareRefused where the app may not post.

        A response_url posts where the app is no member, too, but not into a thread;
        chat.postMessage does the opposite.
        """
        message: dict[str, Any] = self._renderer.render(template, **facts)
        if await self._by_response_url(message, replace=False):
            return
        try:
            await self._request.client.chat_postMessage(
                channel=self._request.channel_id,
                thread_ts=self._request.thread_ts or None,
                **message,
            )
        except SlackApiError as error:
            if not NotAMember.includes(error):
                raise
            raise ShareRefused("not_member") from error

    async def edit(self, message: dict[str, Any]) -> bool:
        """Replace the clicked message with `message` for everyone; False if Slack refuses."""
        if await self._by_response_url(message, replace=True):
            return True
        try:
            await self._request.client.chat_update(
                channel=self._request.channel_id,
                ts=self._request.message_ts,
                text=message["text"],
                blocks=message["blocks"],
            )
        except SLACK_ERRORS as error:
            logger.warning("a shared message stays as it is: %s", error_name(error))
            return False
        return True

    def render(self, template: str, /, **facts: Any) -> dict[str, Any]:
        """A message for `edit`."""
        return self._renderer.render(template, **facts)

    async def _by_response_url(self, message: dict[str, Any], *, replace: bool) -> bool:
        body = {**message, "response_type": "in_channel", "replace_original": replace}
        return await post_to_response_url(self._session, self._request, body)


async def read_audience(client: AsyncWebClient, channel_id: str) -> Audience:
    """Who reads a channel."""
    if channel_id.startswith(DIRECT_MESSAGE_PREFIX):
        return Audience(channel_id, is_direct=True)
    try:
        return audience_from_info(await channel_info(client, channel_id))
    except SlackApiError as error:
        if not AudienceUnknown.includes(error):
            raise
        return Audience(channel_id, is_known=False, error_code=error_code(error))
