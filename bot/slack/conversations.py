"""Channels: their audience, the app's membership, their messages; where a request came from."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.accounts import Audience
from bot.errors import DigestRefused, FileRefused, OutdatedButton, ShareRefused
from bot.rendering.buttons import ModalOrigin, decode
from bot.rendering.renderer import Renderer
from bot.services.sharing import refusal_reason
from bot.slack.errors import (
    SLACK_ERRORS,
    AudienceUnknown,
    ChannelArchived,
    ChannelNotVisible,
    NotAMember,
    UploadRefused,
    error_code,
    error_name,
    retry_seconds,
)
from bot.slack.reply import ReplyAfterAck, post_to_response_url
from bot.slack.request import SlackRequest
from bot.slack.users import CurrentUser

EXTERNAL_FLAGS = ("is_ext_shared", "is_pending_ext_shared")
ChannelInfo = dict[str, Any]
"""The channel object of Slack's API."""


class CannotJoin(Exception):
    """The app can't join a channel.

    `reason` is "archived", or "invite" for a private channel, which Slack hides from the app.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


async def channel_info(client: AsyncWebClient, channel_id: str) -> ChannelInfo:
    """Slack's channel object (conversations.info, scopes channels:read and groups:read)."""
    answer = await client.conversations_info(channel=channel_id)
    info: ChannelInfo = answer["channel"]
    return info


async def _visible_channel(client: AsyncWebClient, channel_id: str) -> ChannelInfo:
    """The channel object; raises CannotJoin for a private channel without the app."""
    try:
        return await channel_info(client, channel_id)
    except SlackApiError as error:
        if ChannelNotVisible.includes(error):
            raise CannotJoin("invite") from error
        raise


async def join_channel(client: AsyncWebClient, channel_id: str) -> None:
    """Join a public channel (conversations.join, scope channels:join); raises CannotJoin."""
    try:
        await client.conversations_join(channel=channel_id)
    except SlackApiError as error:
        if retry_seconds(error) is not None:
            raise
        raise CannotJoin("archived" if ChannelArchived.includes(error) else "invite") from error


async def ensure_member(client: AsyncWebClient, channel_id: str) -> None:
    """Make the app a member, so that scheduled messages can be posted; raises CannotJoin.

    Joins public channels; a private channel needs an invitation.
    """
    channel = await _visible_channel(client, channel_id)
    if not channel.get("is_member"):
        await join_channel(client, channel_id)


def audience_from_info(channel: ChannelInfo) -> Audience:
    """The audience of a channel, including invited organizations."""
    return Audience(
        str(channel["id"]),
        has_outsiders=any(channel.get(name) for name in EXTERNAL_FLAGS),
        is_direct=bool(channel.get("is_im") or channel.get("is_mpim")),
        is_archived=bool(channel.get("is_archived")),
    )


class DigestChannels:
    """Checks and joins the channels of digests.

    `allow_outsiders` permits channels shared with other organizations. Other errors of Slack are
    raised unchanged.
    """

    def __init__(self, client: AsyncWebClient, *, allow_outsiders: bool) -> None:
        self._client, self._allow_outsiders = client, allow_outsiders

    async def join_with(self, channel_id: str, user: CurrentUser) -> None:
        """Make the app a member of a channel for scheduled messages; joins a public channel.

        Raises DigestRefused if the channel isn't allowed or the app needs an invitation.
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
        """Make the app a member; raises DigestRefused if it needs an invitation."""
        try:
            await join_channel(self._client, channel_id)
        except CannotJoin as error:
            raise DigestRefused(error.reason, channel_id) from error

    def admit(self, audience: Audience) -> None:
        """Check the audience; raises DigestRefused if a digest must not be posted there."""
        if audience.error_code in ChannelNotVisible.codes:
            raise DigestRefused("gone", audience.channel_id)
        if not audience.is_known:
            raise DigestRefused(pause_reason(audience.error_code), audience.channel_id)
        if audience.is_archived:
            raise DigestRefused("archived", audience.channel_id)
        if reason := refusal_reason(audience, allow_outsiders=self._allow_outsiders):
            raise DigestRefused(reason, audience.channel_id)


def pause_reason(code: str) -> str:
    """The pause reason for an error code of Slack."""
    return f"slack:{code}"


logger = logging.getLogger(__name__)

DIRECT_MESSAGE_PREFIX = "D"  # Slack: prefix of the ids of direct messages
GROUP_MESSAGE_PREFIX = "mpdm-"  # Slack: prefix of the names of group messages


class Channel:
    """The channel of a request, and the message whose button was clicked."""

    def __init__(
        self, renderer: Renderer, session: aiohttp.ClientSession, request: SlackRequest
    ) -> None:
        self._renderer, self._session, self._request = renderer, session, request

    @property
    def id(self) -> str:
        """The channel's id; "" if the request came from no channel."""
        return self._request.channel_id

    @property
    def is_direct(self) -> bool:
        """Whether the channel is a direct or group message; apps can't be invited to these."""
        is_group = self._request.channel_name.startswith(GROUP_MESSAGE_PREFIX)
        return is_group or self.id.startswith(DIRECT_MESSAGE_PREFIX)

    @property
    def message_key(self) -> str:
        """A key for the request's message, unique within its workspace."""
        return f"{self._request.channel_id}:{self._request.message_ts}"

    @property
    def message_ts(self) -> str:
        return self._request.message_ts

    @property
    def is_shared(self) -> bool:
        """Whether the clicked button is in a message that everyone in a channel sees."""
        return bool(self.message) and not self.is_direct

    @property
    def message(self) -> Mapping[str, Any]:
        """The request's message; empty for ephemeral messages."""
        return self._request.message or {}

    async def audience(self) -> Audience:
        """The audience of the channel."""
        if self.is_direct:
            return Audience(self.id, is_direct=True)
        return await read_audience(self._request.client, self._request.channel_id)

    async def join(self) -> None:
        """Make the app a member of a channel for scheduled messages; joins a public channel.

        Raises ShareRefused if the app can't join, for example without an invitation.
        """
        try:
            await ensure_member(self._request.client, self.id)
        except CannotJoin as error:
            raise ShareRefused("not_member") from error

    async def post(self, template: str, /, **facts: Any) -> None:
        """Post a new message for everyone; raises ShareRefused if the app can't post.

        A response_url works without membership, but not in threads; chat.postMessage works in
        threads, but needs membership.
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
            logger.warning("a shared message was not updated: %s", error_name(error))
            return False
        return True

    def render(self, template: str, /, **facts: Any) -> dict[str, Any]:
        """Render a message for `edit`."""
        return self._renderer.render(template, **facts)

    async def _by_response_url(self, message: dict[str, Any], *, replace: bool) -> bool:
        body = {**message, "response_type": "in_channel", "replace_original": replace}
        return await post_to_response_url(self._session, self._request, body)


async def read_audience(client: AsyncWebClient, channel_id: str) -> Audience:
    """The audience of a channel."""
    if channel_id.startswith(DIRECT_MESSAGE_PREFIX):
        return Audience(channel_id, is_direct=True)
    try:
        return audience_from_info(await channel_info(client, channel_id))
    except SlackApiError as error:
        if not AudienceUnknown.includes(error):
            raise
        return Audience(channel_id, is_known=False, error_code=error_code(error))


class Files:
    """Shares files in the app's direct messages with one user."""

    def __init__(self, client: AsyncWebClient, user_id: str) -> None:
        self._client, self._user_id = client, user_id

    async def share(self, name: str, text: str) -> str:
        """Upload a file; returns its permalink, or "" if Slack returns none. Raises FileRefused.

        Slack: completing an upload needs the id of a conversation, not of a user.
        """
        try:
            opened = await self._client.conversations_open(users=self._user_id)
            shared = await self._client.files_upload_v2(
                channel=opened["channel"]["id"], filename=name, title=name, content=text
            )
        except SlackApiError as error:
            if UploadRefused.includes(error):
                raise FileRefused(error_code(error)) from error
            raise
        file = shared.get("file") or {}
        return str(file.get("permalink") or "")


def file_name(subject: str, name: str, ending: str) -> str:
    """A file name that is valid everywhere, such as `job-68835cc3.json`."""
    return f"{subject}-{re.sub('[^A-Za-z0-9]+', '-', name)[:60]}.{ending}"


class Origin:
    """The channel and message of a request, to answer there later.

    The submission of a form contains neither, so they are stored while a form is open.
    """

    def __init__(
        self, renderer: Renderer, session: aiohttp.ClientSession, request: SlackRequest
    ) -> None:
        self._renderer, self._session, self._request = renderer, session, request

    @property
    def message(self) -> Mapping[str, Any]:
        """The request's message; empty for ephemeral messages."""
        return self._request.message or {}

    @property
    def channel_id(self) -> str:
        """Slack's id of the channel; "" if the request came from a view."""
        return self._request.channel_id

    @property
    def blocks(self) -> Sequence[Mapping[str, Any]]:
        """The blocks of the message or view with the button; empty for ephemeral messages."""
        shown = self._request.message or self._request.view or {}
        blocks: Sequence[Mapping[str, Any]] = shown.get("blocks") or ()
        return blocks

    @property
    def of_modal(self) -> ModalOrigin:
        """The origin stored in the modal with the button; empty if there is none."""
        try:
            return decode(self._request.metadata, ModalOrigin)
        except OutdatedButton:
            return ModalOrigin()

    @property
    def thread(self) -> tuple[str, str]:
        """The ids of the channel and thread that the modal was opened from, or of the message."""
        modal = self.of_modal
        thread_ts = modal.thread_ts or str(self.message.get("thread_ts") or "")
        return modal.channel_id or self.channel_id, thread_ts

    @property
    def is_own_message(self) -> bool:
        """Whether this app posted the message, so that it can be updated."""
        return bool(self._request.app_id) and self.message.get("app_id") == self._request.app_id

    def serialize(self) -> dict[str, str]:
        """Data to restore the origin. Its response_url is a capability: store it encrypted."""
        ts = self._request.message_ts
        return {
            "channel_id": self._request.channel_id,
            "message_ts": ts,
            "thread_ts": str(self.message.get("thread_ts") or ts),
            "response_url": self._request.response_url,
        }

    def reply_at(self, saved: Mapping[str, str]) -> ReplyAfterAck:
        """A reply to the user at the stored origin."""
        there = replace(
            self._request,
            channel_id=saved["channel_id"],
            response_url=saved["response_url"],
        )
        return ReplyAfterAck(self._renderer, self._session, there)

    def channel_at(
        self,
        channel_id: str,
        *,
        thread_ts: str = "",
        message_ts: str = "",
        message: Mapping[str, Any] | None = None,
    ) -> Channel:
        """The stored channel, to post into a thread or update a message."""
        there = replace(
            self._request,
            channel_id=channel_id,
            thread_ts=thread_ts,
            message_ts=message_ts,
            message=message,
            response_url="",
        )
        return Channel(self._renderer, self._session, there)
