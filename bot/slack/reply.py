"""How a message gets to the person who asked, whatever has become of their response_url."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.webhook.async_client import AsyncWebhookClient

from bot.say.render import Say
from bot.slack.incoming import Incoming
from bot.slack.refusals import word

logger = logging.getLogger(__name__)

# slack-sdk writes whole response_urls to its log; whoever reads one can post with it.
_silent = logging.getLogger("bot.silent")
_silent.addHandler(logging.NullHandler())
_silent.propagate = False
_silent.setLevel(logging.CRITICAL)

NOT_THERE = {"channel_not_found", "not_in_channel", "user_not_in_channel", "is_archived"}


class Reply(Protocol):
    """Answers the person who asked with a template; only they see it."""

    async def __call__(self, template: str, /, *, replace: bool = False, **facts: Any) -> None: ...


class ReplyLater:
    """Through the response_url; when that is spent or gone, as an ephemeral message; then directly.

    `replace` puts the answer in the place of the message whose button was pressed.
    """

    def __init__(self, say: Say, session: aiohttp.ClientSession, incoming: Incoming) -> None:
        self._say, self._session, self._incoming = say, session, incoming

    async def __call__(self, template: str, /, *, replace: bool = False, **facts: Any) -> None:
        message: dict[str, Any] = self._say.render(template, **facts)
        if await self._by_response_url(message, replace):
            return
        if self._incoming.channel_id and await self._as_ephemeral(message):
            return
        await self._incoming.client.chat_postMessage(
            channel=self._incoming.caller.user_id, **message
        )

    async def _by_response_url(self, message: dict[str, Any], replace: bool) -> bool:
        body = {**message, "response_type": "ephemeral", "replace_original": replace}
        return await by_response_url(self._session, self._incoming.response_url, body)

    async def _as_ephemeral(self, message: dict[str, Any]) -> bool:
        try:
            await self._incoming.client.chat_postEphemeral(
                channel=self._incoming.channel_id,
                user=self._incoming.caller.user_id,
                **{name: value for name, value in message.items() if not name.startswith("unfurl")},
            )
        except SlackApiError as error:
            if word(error) not in NOT_THERE:
                raise
            return False
        return True


class ReplyInAck:
    """In the acknowledgement of a slash command: no further request, so nothing that takes time."""

    def __init__(self, say: Say, ack: Callable[..., Awaitable[Any]]) -> None:
        self._say, self._ack = say, ack

    async def __call__(self, template: str, /, *, replace: bool = False, **facts: Any) -> None:
        await self._ack({**self._say.render(template, **facts), "response_type": "ephemeral"})


async def by_response_url(
    session: aiohttp.ClientSession, response_url: str, body: dict[str, Any]
) -> bool:
    """Whether Slack took `body`; False where there is no response_url, or it is spent or gone."""
    if not response_url:
        return False
    webhook = AsyncWebhookClient(response_url, session=session, logger=_silent)
    try:
        answer = await webhook.send_dict(body)
    except (aiohttp.ClientError, TimeoutError, SlackClientError) as error:
        logger.warning("the response_url does not answer: %s", type(error).__name__)
        return False
    if answer.status_code != 200:
        logger.warning("the response_url was refused with status %d", answer.status_code)
    return answer.status_code == 200
