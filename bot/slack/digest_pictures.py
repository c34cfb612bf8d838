"""Pictures of the last days, in the threads of digests: each at most once, and never pressed.

Slack: files.getUploadURLExternal, the bytes to the address that it gives, and
files.completeUploadExternal, which alone can be seen; so only that is claimed. Whether it was done
where its answer was lost cannot be looked up as for a message: a file carries no metadata.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from bot.later import Later
from bot.models import Digest
from bot.say.chart import Chart, Row, draw
from bot.say.render import Say
from bot.services.digests.history import History
from bot.slack.failures import described
from bot.slack.refusals import is_certain, limited
from bot.store.posts import Posts
from bot.store.uploads import Uploads

logger = logging.getLogger(__name__)

AGAIN_SECONDS = 60.0
FILE_NAME = "jobs-of-the-last-days.png"
SERVER_ERROR = 500
TROUBLE = (SlackClientError, aiohttp.ClientError, TimeoutError, OSError)


@dataclass(frozen=True, slots=True)
class Thread:
    """Below which message a picture goes; `name` is that of this picture and no other."""

    name: str
    team_id: str
    channel_id: str
    ts: str


class DigestPictures:
    """Draws and uploads. `client` must not repeat calls by itself.

    Every method raises StoreUnavailable where Redis does not answer.
    """

    def __init__(
        self,
        say: Say,
        client: AsyncWebClient,
        session: aiohttp.ClientSession,
        uploads: Uploads,
        posts: Posts,
        clock: Callable[[], float],
        draw: Callable[[Chart], bytes] = draw,
    ) -> None:
        self._say, self._client, self._session = say, client, session
        self._uploads, self._posts, self._clock = uploads, posts, clock
        self._draw, self._one_at_a_time = draw, asyncio.Lock()

    async def reserve(self, team_id: str) -> float | None:
        """When one may be uploaded, in seconds since 1970; None where Slack has no time for it."""
        wait = await self._uploads.reserve(team_id)
        return None if wait is None else self._clock() + wait

    async def is_wanted(self, thread: Thread) -> bool:
        """Whether it is worth drawing: not there yet, and Slack asks for no pause."""
        if await self._posts.sent(thread.name) is not None:
            return False
        return not await self._uploads.held(thread.team_id)

    async def post(self, thread: Thread, digest: Digest, history: History) -> None:
        """Draw it and put it into the thread, or leave it out; raises Later before that."""
        words = self._say.render("digest/picture", digest=digest, history=history)
        try:
            image = await self._drawn(chart(words, history))
        except OSError as error:  # the library needs a folder to write to
            await self._leave_out(thread, error)
            return
        try:
            file_id = await self._uploaded(image, words)
        except TROUBLE as error:
            await self._failed(thread, error)
            return
        if (await self._posts.claim(thread.name, secrets.token_hex(8))).step != "post":
            return  # somebody else has begun, and how that ended is not known
        try:
            await self._client.files_completeUploadExternal(
                files=[{"id": file_id, "title": str(words["title"])}],
                channel_id=thread.channel_id,
                thread_ts=thread.ts,
            )
        except TROUBLE as error:
            await self._leave_out(thread, error)
        await self._posts.settle(thread.name, "")

    async def _drawn(self, shown: Chart) -> bytes:
        async with self._one_at_a_time:
            return await asyncio.to_thread(self._draw, shown)

    async def _uploaded(self, image: bytes, words: dict[str, Any]) -> str:
        """Nobody sees it yet, and nobody will unless it is completed; gives the id of the file."""
        answer = await self._client.files_getUploadURLExternal(
            filename=FILE_NAME, length=len(image), alt_txt=words["alt_txt"]
        )
        async with self._session.post(answer["upload_url"], data=image) as done:
            done.raise_for_status()
        return str(answer["file_id"])

    async def _failed(self, thread: Thread, error: Exception) -> None:
        """Raises Later where it may work in a while: as nobody has seen anything, that is safe."""
        if not _is_refused(error):
            logger.info("a picture is tried again: %s", described(error))
            raise Later(AGAIN_SECONDS, described(error)) from error
        await self._leave_out(thread, error)

    async def _leave_out(self, thread: Thread, error: Exception) -> None:
        logger.warning("the picture of a digest is left out: %s", described(error))
        if (seconds := limited(error)) is not None:
            await self._uploads.hold(thread.team_id, seconds)


def chart(words: dict[str, Any], history: History) -> Chart:
    """What is drawn; the words for it are those of the template."""
    days = tuple(date.fromisoformat(day.on) for day in history.days)
    named = zip(words["rows"], history.kinds, strict=True)
    return Chart(
        words["title"], days, tuple(Row(name, kind.status, kind.counts) for name, kind in named)
    )


def _is_refused(error: Exception) -> bool:
    """Whether Slack has said no, which it would say again."""
    if isinstance(error, aiohttp.ClientResponseError):
        return error.status < SERVER_ERROR
    return isinstance(error, SlackApiError) and is_certain(error)
