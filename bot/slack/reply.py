"""How a message gets to the person who asked, whatever has become of their response_url."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

import aiohttp
from slack_sdk.errors import SlackClientError
from slack_sdk.webhook.async_client import AsyncWebhookClient

from bot.say.render import Say
from bot.slack.incoming import Incoming
from bot.slack.refusals import named
from bot.slack.retries import retry_handlers

logger = logging.getLogger(__name__)

# slack-sdk writes whole response_urls to its log; whoever reads one can post with it.
_silent = logging.getLogger("bot.silent")
_silent.addHandler(logging.NullHandler())
_silent.propagate = False
_silent.setLevel(logging.CRITICAL)

TAKEN = 200
PASSING = {0, 500, 502, 503, 504}
"""Statuses of the response_url after which another attempt may go better."""


class Reply(Protocol):
    """Answers the person who asked with a template; only they see it."""

    async def __call__(self, template: str, /, *, replace: bool = False, **facts: Any) -> None: ...


class ReplyLater:
    """Through the response_url; when that is spent or gone, as an ephemeral message; then directly.

    `replace` puts the answer in the place of the message whose button was pressed.

    A request that was cut off may have had its effect. It is sent again all the same: the answer is
    for one person, who is better served by two copies than by none.
    """

    def __init__(self, say: Say, session: aiohttp.ClientSession, incoming: Incoming) -> None:
        self._say, self._session, self._incoming = say, session, incoming

    async def __call__(self, template: str, /, *, replace: bool = False, **facts: Any) -> None:
        await self.send(self._say.render(template, **facts), replace=replace)

    async def send(self, message: Mapping[str, Any], *, replace: bool) -> None:
        """Send a rendered message; raises what Slack's last refusal is called."""
        if await self.post(message, replace=replace):
            return
        if self._incoming.channel_id and await self._as_ephemeral(message):
            return
        await self._incoming.client.chat_postMessage(
            channel=self._incoming.caller.user_id, **message
        )

    async def post(self, message: Mapping[str, Any], *, replace: bool) -> bool:
        """Send a rendered message to the response_url and nowhere else; whether Slack took it."""
        body = {**message, "response_type": "ephemeral", "replace_original": replace}
        return await by_response_url(self._session, self._incoming.response_url, body)

    async def _as_ephemeral(self, message: Mapping[str, Any]) -> bool:
        try:
            await self._incoming.client.chat_postEphemeral(
                channel=self._incoming.channel_id,
                user=self._incoming.caller.user_id,
                **{name: value for name, value in message.items() if not name.startswith("unfurl")},
            )
        except (SlackClientError, aiohttp.ClientError, TimeoutError) as error:
            logger.warning("an ephemeral message was refused: %s", named(error))
            return False
        return True


class ReplyInAck:
    """In the acknowledgement of a slash command: no further request, so nothing that takes time."""

    def __init__(
        self, private_text: Callable[..., str], ack: Callable[..., Awaitable[Any]]
    ) -> None:
        self._private_text, self._ack = private_text, ack

    async def __call__(self, template: str, /, *, replace: bool = False, **facts: Any) -> None:
        await self._ack(self._private_text(template, **facts))  # Bolt knows JSON by its "{"


async def by_response_url(
    session: aiohttp.ClientSession, response_url: str, body: dict[str, Any]
) -> bool:
    """Whether Slack took `body`; False where there is no response_url, or it is spent or gone.

    Only this way leads to the place of an ephemeral message, and nothing is there twice: so what
    replaces a message is sent once more where that may help.
    """
    if not response_url:
        return False
    webhook = AsyncWebhookClient(
        response_url, session=session, logger=_silent, retry_handlers=retry_handlers()
    )
    status = await _status(webhook, body)
    if body.get("replace_original") and status in PASSING:
        status = await _status(webhook, body)
    return status == TAKEN


async def _status(webhook: AsyncWebhookClient, body: dict[str, Any]) -> int:
    """The HTTP status; 0 where there was no answer of Slack's."""
    try:
        answer = await webhook.send_dict(body)
    except (aiohttp.ClientError, TimeoutError, SlackClientError) as error:
        logger.warning("the response_url does not answer: %s", type(error).__name__)
        return 0
    if answer.status_code != TAKEN:
        logger.warning("the response_url was refused with status %d", answer.status_code)
    # Slack says "ok", as text or as JSON: a page is some proxy's, whatever its status.
    return 0 if answer.body.lstrip().startswith("<") else int(answer.status_code)
