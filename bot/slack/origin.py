"""Stores the channel and message of a request while a form is open, to answer there later."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import aiohttp

from bot.errors import OutdatedButton
from bot.rendering.buttons import ModalOrigin, decode
from bot.rendering.renderer import Renderer
from bot.slack.conversations import Channel
from bot.slack.reply import ReplyAfterAck
from bot.slack.request import SlackRequest


class Origin:
    """The channel and message of a request; the submission of a form contains neither."""

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
