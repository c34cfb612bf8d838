"""How a message gets to the person who asked, whatever has become of their response_url."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import aiohttp
from yarl import URL

from bot.rendering.chart import has_chart, without_chart
from bot.rendering.renderer import Renderer
from bot.slack.client import LONGEST_PAUSE
from bot.slack.errors import INVALID_BLOCKS, SLACK_ERRORS, named, pause
from bot.slack.request import SlackRequest
from bot.store.slack_cache import ChartSupport

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

    A chart that Slack refuses in such a message is left out, for a day; without `charts`, always.
    """

    def __init__(
        self,
        say: Renderer,
        session: aiohttp.ClientSession,
        incoming: SlackRequest,
        charts: ChartSupport | None = None,
    ) -> None:
        self._say, self._session, self._incoming = say, session, incoming
        self._charts = charts

    async def __call__(self, template: str, /, *, replace: bool = False, **facts: Any) -> None:
        await self.send(self._say.render(template, **facts), replace=replace)

    async def send(self, message: Mapping[str, Any], *, replace: bool) -> None:
        """Send a rendered message; raises what Slack's last refusal is called."""
        if has_chart(message):
            if await self._post_with_chart(message, replace=replace):
                return
            message = without_chart(message)
        if await self.post(message, replace=replace):
            return
        if self._incoming.channel_id and await self._as_ephemeral(message):
            return
        await self._incoming.client.chat_postMessage(
            channel=self._incoming.caller.user_id, **message
        )

    async def post(self, message: Mapping[str, Any], *, replace: bool) -> bool:
        """Send a rendered message to the response_url and nowhere else; whether Slack took it."""
        return (await self._respond(message, replace)).is_taken

    async def _respond(self, message: Mapping[str, Any], replace: bool) -> Answer:
        body = {**message, "response_type": "ephemeral", "replace_original": replace}
        return await _respond(self._session, self._incoming, body)

    async def _post_with_chart(self, message: Mapping[str, Any], *, replace: bool) -> bool:
        """As `post`, unless charts are refused in such messages."""
        team_id = self._incoming.caller.team_id
        if self._charts is None or await self._charts.is_refused(team_id, "ephemeral"):
            return False
        answer = await self._respond(message, replace)
        if answer.refuses_blocks:
            logger.info("Slack refuses charts in ephemeral messages: for a day they have none")
            await self._charts.mark_refused(team_id, "ephemeral")
        return answer.is_taken

    async def _as_ephemeral(self, message: Mapping[str, Any]) -> bool:
        try:
            await self._incoming.client.chat_postEphemeral(
                channel=self._incoming.channel_id,
                user=self._incoming.caller.user_id,
                **{name: value for name, value in message.items() if not name.startswith("unfurl")},
            )
        except SLACK_ERRORS as error:
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


@dataclass(frozen=True, slots=True)
class Answer:
    """The HTTP status, 0 if Slack did not answer; `wait` is in how many seconds to try again."""

    status: int
    wait: float | None = None
    refuses_blocks: bool = False

    @property
    def is_taken(self) -> bool:
        return self.status == TAKEN


async def by_response_url(
    session: aiohttp.ClientSession, incoming: SlackRequest, body: Mapping[str, Any]
) -> bool:
    """Whether Slack took `body`; False if there is no response_url, or it is spent or not Slack's.

    Only this way leads to the place of an ephemeral message, and nothing is there twice: so what
    replaces a message is sent once more where that may help.
    """
    return (await _respond(session, incoming, body)).is_taken


async def _respond(
    session: aiohttp.ClientSession, incoming: SlackRequest, body: Mapping[str, Any]
) -> Answer:
    """As `by_response_url`."""
    answer = Answer(0)
    if not (url := incoming.response_url):
        return answer
    if not _is_slacks(url, incoming.client.base_url):
        logger.warning("a response_url is not used: its host is not Slack's")
        return answer
    replaces = bool(body.get("replace_original"))
    for left in reversed(range(ATTEMPTS_TO_REPLACE if replaces else ATTEMPTS)):
        answer = await _post(session, url, body)
        passing = answer.wait is not None or (replaces and answer.status in PASSING)
        if not left or not passing:
            break
        await asyncio.sleep(answer.wait or 0)
    return answer


def _is_slacks(url: str, api_url: str) -> bool:
    """Whether an answer may go there: else a forged request could make us post anywhere."""
    try:
        found = URL(url)
    except ValueError:
        return False
    host = found.host or ""
    is_public = found.scheme == "https" and (host == "slack.com" or host.endswith(".slack.com"))
    return is_public or (found.scheme in ("http", "https") and host == URL(api_url).host)


async def _post(session: aiohttp.ClientSession, url: str, body: Mapping[str, Any]) -> Answer:
    try:
        async with session.post(url, json=body, allow_redirects=False) as answer:
            status, start = answer.status, await answer.content.read(100)
            wait = pause(answer.headers) if status == TOO_MANY else None
    except SLACK_ERRORS as error:
        logger.warning("the response_url does not answer: %s", type(error).__name__)
        was_cut = isinstance(error, aiohttp.ClientConnectionError)
        too_slow = isinstance(error, TimeoutError)
        return Answer(0, CUT_AGAIN_SECONDS if was_cut and not too_slow else None)
    if status != TAKEN:
        logger.warning("the response_url was refused with status %d", status)
    # Slack says "ok", as text or as JSON: a page is some proxy's, whatever its status.
    status = 0 if start.lstrip().startswith(b"<") else status
    again = wait if wait is not None and wait <= LONGEST_PAUSE else None
    return Answer(status, again, status != TAKEN and INVALID_BLOCKS.encode() in start)
