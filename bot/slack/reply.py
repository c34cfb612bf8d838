"""Sends an answer to the user who asked, even if their response_url has expired."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import aiohttp
from pydantic_core import PydanticSerializationError, to_json
from yarl import URL

from bot.rendering.blockkit.rules import without_chart
from bot.rendering.renderer import Renderer
from bot.slack.errors import (
    MAX_RETRY_AFTER_SECONDS,
    SLACK_ERRORS,
    error_name,
    retry_after_header,
)
from bot.slack.request import SlackRequest

logger = logging.getLogger(__name__)

HTTP_OK, HTTP_TOO_MANY_REQUESTS = 200, 429
RESPONSE_URL_ATTEMPTS, RESPONSE_URL_ATTEMPTS_TO_REPLACE = 2, 3
RECONNECT_DELAY_SECONDS = 0.1  # the delay after an idle connection was closed
JSON_HEADERS = {"Content-Type": "application/json"}
RETRYABLE_STATUSES = {0, 500, 502, 503, 504}
"""Statuses of the response_url after which a retry may succeed."""


class Reply(Protocol):
    """Answers the user with a template; only they see it."""

    async def __call__(self, template: str, /, *, replace: bool = False, **facts: Any) -> None: ...


class ReplyAfterAck:
    """Answers through the response_url; if it fails, as an ephemeral or direct message.

    With `replace`, the answer replaces the message whose button was clicked.

    An interrupted request is sent again, although it may have taken effect: only one user sees the
    answer, and two copies are better than none.

    Charts are left out: Slack doesn't document them for ephemeral messages, and a refused message
    would have to be sent twice.
    """

    def __init__(
        self, renderer: Renderer, session: aiohttp.ClientSession, request: SlackRequest
    ) -> None:
        self._renderer, self._session, self._request = renderer, session, request

    async def __call__(self, template: str, /, *, replace: bool = False, **facts: Any) -> None:
        await self.send(self._renderer.render(template, **facts), replace=replace)

    async def send(self, message: Mapping[str, Any], *, replace: bool) -> None:
        """Send a rendered message; raises Slack's last error."""
        message = without_chart(message)
        if await self.post(message, replace=replace):
            return
        if self._request.channel_id and await self._as_ephemeral(message):
            return
        await self._request.client.chat_postMessage(channel=self._request.caller.user_id, **message)

    async def post(self, message: Mapping[str, Any], *, replace: bool) -> bool:
        """Send a rendered message to the response_url only; returns whether Slack accepted it."""
        body = {**message, "response_type": "ephemeral", "replace_original": replace}
        return await post_to_response_url(self._session, self._request, body)

    async def _as_ephemeral(self, message: Mapping[str, Any]) -> bool:
        try:
            await self._request.client.chat_postEphemeral(
                channel=self._request.channel_id,
                user=self._request.caller.user_id,
                **{name: value for name, value in message.items() if not name.startswith("unfurl")},
            )
        except SLACK_ERRORS as error:
            logger.warning("an ephemeral message was refused: %s", error_name(error))
            return False
        return True


class ReplyInAck:
    """Answers in the ack of a slash command, so it can't use the network."""

    def __init__(
        self, private_text: Callable[..., str], ack: Callable[..., Awaitable[Any]]
    ) -> None:
        self._private_text, self._ack = private_text, ack

    async def __call__(self, template: str, /, *, replace: bool = False, **facts: Any) -> None:
        await self._ack(self._private_text(template, **facts))  # Bolt recognizes JSON by its "{"


@dataclass(frozen=True, slots=True)
class ResponseUrlResult:
    """The HTTP status, 0 if Slack didn't answer; `wait` is the delay in seconds before a retry."""

    status: int
    wait: float | None = None

    @property
    def is_taken(self) -> bool:
        return self.status == HTTP_OK


async def post_to_response_url(
    session: aiohttp.ClientSession, request: SlackRequest, body: Mapping[str, Any]
) -> bool:
    """Post `body`; False if the response_url is missing, expired, or not on Slack's host.

    A message that replaces another one is retried more often, and after server errors too: an
    ephemeral message can only be replaced this way, and a retry can't create a duplicate.
    """
    answer = ResponseUrlResult(0)
    if not (url := request.response_url):
        return False
    if not _is_slacks(url, request.client.base_url):
        logger.warning("a response_url was ignored: its host is not Slack's")
        return False
    replaces, content = bool(body.get("replace_original")), _to_json(body)
    for left in reversed(
        range(RESPONSE_URL_ATTEMPTS_TO_REPLACE if replaces else RESPONSE_URL_ATTEMPTS)
    ):
        answer = await _post(session, url, content)
        passing = answer.wait is not None or (replaces and answer.status in RETRYABLE_STATUSES)
        if not left or not passing:
            break
        await asyncio.sleep(answer.wait or 0)
    return answer.is_taken


def _is_slacks(url: str, api_url: str) -> bool:
    """Whether the URL is Slack's; otherwise a forged request could make the app post anywhere."""
    try:
        found = URL(url)
    except ValueError:
        return False
    host = found.host or ""
    is_public = found.scheme == "https" and (host == "slack.com" or host.endswith(".slack.com"))
    return is_public or (found.scheme in ("http", "https") and host == URL(api_url).host)


def _to_json(body: Mapping[str, Any]) -> bytes:
    """`body` as JSON; pydantic's encoder takes a quarter of the time of `json.dumps`."""
    try:
        return to_json(body)
    except PydanticSerializationError:  # a lone surrogate, which only an escape can represent
        return json.dumps(body).encode()


async def _post(session: aiohttp.ClientSession, url: str, content: bytes) -> ResponseUrlResult:
    try:
        async with session.post(
            url, data=content, headers=JSON_HEADERS, allow_redirects=False
        ) as answer:
            status, start = answer.status, await answer.content.read(100)
            wait = retry_after_header(answer.headers) if status == HTTP_TOO_MANY_REQUESTS else None
    except SLACK_ERRORS as error:
        logger.warning("the response_url did not answer: %s", type(error).__name__)
        was_cut = isinstance(error, aiohttp.ClientConnectionError)
        too_slow = isinstance(error, TimeoutError)
        return ResponseUrlResult(0, RECONNECT_DELAY_SECONDS if was_cut and not too_slow else None)
    if status != HTTP_OK:
        logger.warning("the response_url was refused with status %d", status)
    # Slack answers "ok" as text or JSON; any other page is a proxy's, regardless of its status.
    status = 0 if start.lstrip().startswith(b"<") else status
    again = wait if wait is not None and wait <= MAX_RETRY_AFTER_SECONDS else None
    return ResponseUrlResult(status, again)
