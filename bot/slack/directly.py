"""A word to one person that nobody asked for: in their direct messages with this app."""

from __future__ import annotations

import logging
from typing import Any

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.models import Caller
from bot.say.gate import gate
from bot.say.render import Say
from bot.slack.files import Files
from bot.slack.presence import is_gone
from bot.slack.refusals import TROUBLE, named, word

logger = logging.getLogger(__name__)

NOT_THERE = {"message_not_found", "channel_not_found", "cant_update_message", "edit_window_closed"}


class Directly:
    """Writes to people of its own accord. Its methods raise what Slack's refusals are called."""

    def __init__(self, say: Say, client: AsyncWebClient) -> None:
        self._say, self._client = say, client

    async def tell(self, caller: Caller, template: str, /, **facts: Any) -> None:
        """A message in the words of a template."""
        message: dict[str, Any] = self._say.render(template, **facts)
        await self._client.chat_postMessage(channel=caller.user_id, **message)

    async def show(self, caller: Caller, place: str, template: str, /, **facts: Any) -> str:
        """The same in the place of a message that was shown before, where it is still there.

        Gives the place of the message; an empty `place` stands for none.
        """
        message: dict[str, Any] = self._say.render(template, **facts)
        if place and await self._change(place, message):
            return place
        posted = await self._client.chat_postMessage(channel=caller.user_id, **message)
        return f"{posted['channel']}:{posted['ts']}"

    async def _change(self, place: str, message: dict[str, Any]) -> bool:
        channel, _, ts = place.partition(":")
        try:
            await self._client.chat_update(
                channel=channel, ts=ts, text=message["text"], blocks=message["blocks"]
            )
        except SlackApiError as error:
            if word(error) not in NOT_THERE:
                raise
            return False
        return True

    async def share(self, caller: Caller, name: str, text: str) -> str:
        """A file; gives where Slack shows it, "" where it does not say. Raises FileRefused."""
        return await Files(self._client, caller.user_id).share(name, text)

    async def is_gone(self, caller: Caller) -> bool:
        """Whether somebody has left; they count as there while Slack does not say."""
        try:
            return await is_gone(self._client, caller.user_id)
        except TROUBLE as error:
            logger.warning("whether a user has left is not known: %s", named(error))
            return False

    def about(self, caller: Caller, subject: str) -> DirectReply:
        """Answers of which each says what it is about, since it follows no question."""
        return DirectReply(self._say, self._client, caller, subject)


class DirectReply:
    """A `Reply` without a request: what the one door for errors says to the owner of a task."""

    def __init__(self, say: Say, client: AsyncWebClient, caller: Caller, subject: str) -> None:
        self._say, self._client, self._caller = say, client, caller
        self._subject = subject

    async def __call__(self, template: str, /, *, replace: bool = False, **facts: Any) -> None:
        message: dict[str, Any] = self._say.render(template, **facts)
        about: dict[str, Any] = self._say.render("about", subject=self._subject)
        blocks = [*about["blocks"], *message["blocks"]]
        await self._client.chat_postMessage(
            channel=self._caller.user_id, **gate({**message, "blocks": blocks})
        )
