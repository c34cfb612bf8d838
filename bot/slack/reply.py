"""How a message gets to the person who asked, whatever has become of their response_url."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

import aiohttp
from yarl import URL

from bot.say.render import Say
from bot.slack.incoming import Incoming
from bot.slack.refusals import TROUBLE, named, pause
from bot.slack.retries import LONGEST_PAUSE

logger = logging.getLogger(__name__)

TAKEN, TOO_MANY = 200, 429
ATTEMPTS, ATTEMPTS_TO_REPLACE = 2, 3
CUT_AGAIN_SECONDS = 0.1  # a connection that died idle is replaced by a new one
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
        return await by_response_url(self._session, self._incoming, body)

    async def _as_ephemeral(self, message: Mapping[str, Any]) -> bool:
        try:
            await self._incoming.client.chat_postEphemeral(
                channel=self._incoming.channel_id,
                user=self._incoming.caller.user_id,
                **{name: value for name, value in message.items() if not name.startswith("unfurl")},
            )
        except TROUBLE as error:
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
    session: aiohttp.ClientSession, incoming: Incoming, body: Mapping[str, Any]
) -> bool:
    """Whether Slack took `body`; False if there is no response_url, or it is spent or not Slack's.

    Only this way leads to the place of an ephemeral message, and nothing is there twice: so what
    replaces a message is sent once more where that may help.
    """
    if not (url := incoming.response_url):
        return False
    if not _is_slacks(url, incoming.client.base_url):
        logger.warning("a response_url is not used: its host is not Slack's")
        return False
    replaces = bool(body.get("replace_original"))
    for left in reversed(range(ATTEMPTS_TO_REPLACE if replaces else ATTEMPTS)):
        status, wait = await _post(session, url, body)
        passing = wait is not None or (replaces and status in PASSING)
        if not left or not passing:
            break
        await asyncio.sleep(wait or 0)
    return status == TAKEN


def _is_slacks(url: str, api_url: str) -> bool:
    """Whether an answer may go there: else a forged request could make us post anywhere."""
    try:
        found = URL(url)
    except ValueError:
        return False
    host = found.host or ""
    is_public = found.scheme == "https" and (host == "slack.com" or host.endswith(".slack.com"))
    return is_public or (found.scheme in ("http", "https") and host == URL(api_url).host)


async def _post(
    session: aiohttp.ClientSession, url: str, body: Mapping[str, Any]
) -> tuple[int, float | None]:
    """The HTTP status, 0 if Slack did not answer; and seconds after which to try again."""
    try:
        async with session.post(url, json=body, allow_redirects=False) as answer:
            status, start = answer.status, await answer.content.read(100)
            wait = pause(answer.headers) if status == TOO_MANY else None
    except TROUBLE as error:
        logger.warning("the response_url does not answer: %s", type(error).__name__)
        was_cut = isinstance(error, aiohttp.ClientConnectionError)
        too_slow = isinstance(error, TimeoutError)
        return 0, CUT_AGAIN_SECONDS if was_cut and not too_slow else None
    if status != TAKEN:
        logger.warning("the response_url was refused with status %d", status)
    # Slack says "ok", as text or as JSON: a page is some proxy's, whatever its status.
    status = 0 if start.lstrip().startswith(b"<") else status
    return status, wait if wait is not None and wait <= LONGEST_PAUSE else None
