"""A word to one person that nobody asked for: in their direct messages with this app."""

from __future__ import annotations

from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from bot.models import Caller
from bot.say.gate import gate
from bot.say.render import Say


class Directly:
    """Writes to people of its own accord. Its methods raise what Slack's refusals are called."""

    def __init__(self, say: Say, client: AsyncWebClient) -> None:
        self._say, self._client = say, client

    async def tell(self, caller: Caller, template: str, /, **facts: Any) -> None:
        """A message in the words of a template."""
        message: dict[str, Any] = self._say.render(template, **facts)
        await self._client.chat_postMessage(channel=caller.user_id, **message)

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
