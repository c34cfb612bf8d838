"""Words to one person by the clock: directly or in a thread, each once."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from slack_sdk.errors import SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from bot.later import Later
from bot.models import Audience, Caller
from bot.say.render import Say
from bot.say.rows import row_of, with_rows_replaced
from bot.slack.channel import DIRECT, audience_of
from bot.slack.failures import described
from bot.slack.once import Once, OutcomeUnknown, Post, PostRefused
from bot.slack.presence import is_gone
from bot.slack.refusals import TROUBLE, limited, passes_in
from bot.store.audiences import Audiences

logger = logging.getLogger(__name__)


class ToldOnce:
    """Tells what has happened. Every method may raise Later, or what Slack's refusal is called."""

    def __init__(self, say: Say, once: Once, client: AsyncWebClient, audiences: Audiences) -> None:
        self._say, self._once, self._client = say, once, client
        self._audiences = audiences

    async def directly(
        self, name: str, to: Caller, begun_at: float, template: str, /, **facts: Any
    ) -> bool:
        """A direct message, which `name` tells from all others; False where Slack refuses it."""
        post = await self._direct(name, to, begun_at)
        if post is None:
            return False
        if (posted := await self._posted(post, template, facts)) is not None:
            return posted
        # To one person, twice is better than never; under another name, so twice at most.
        again = replace(post, name=f"{name}:again")
        return await self._posted(again, template, facts) is not False

    async def place(
        self, name: str, to: Caller, begun_at: float, template: str, /, **facts: Any
    ) -> str:
        """Where a direct message stands that is changed later, "" if it cannot be posted.

        What was posted by an earlier attempt is found, and says what it said then.
        """
        post = await self._direct(name, to, begun_at)
        if post is None:
            return ""
        try:
            ts = await self._once.post(post, self._say.render(template, **facts))
        except (PostRefused, OutcomeUnknown) as error:
            logger.warning("%s cannot be changed later: %s", name, error)
            return ""
        return f"{post.channel_id}:{ts}" if ts else ""

    async def _direct(self, name: str, to: Caller, begun_at: float) -> Post | None:
        """A post to one person; None where Slack refuses to open their direct messages."""
        try:
            opened = await self._client.conversations_open(users=to.user_id)
        except TROUBLE as error:
            if (seconds := passes_in(error)) is not None:
                raise Later(seconds, described(error)) from error
            logger.warning("somebody cannot be told: %s", described(error))
            return None
        return Post(name, to.team_id, str(opened["channel"]["id"]), begun_at)

    async def in_channel(self, post: Post, template: str, /, **facts: Any) -> bool:
        """A message for all, or a reply to one; False where Slack refuses it."""
        return await self._posted(post, template, facts) is not False

    async def change(self, channel_id: str, ts: str, template: str, /, **facts: Any) -> None:
        """Put a message in the place of one for all; where Slack refuses, that one stays."""
        await self._put(channel_id, ts, self._say.render(template, **facts))

    async def change_row(
        self, channel_id: str, ts: str, job: tuple[str, str], template: str, /, **facts: Any
    ) -> None:
        """Put a row in the place of the one that shows a job (tenant and id) in a list for all.

        Where Slack does not give the message, or refuses, it stays. Slack: conversations.history,
        scopes channels:history, groups:history.
        """
        try:
            answer = await self._client.conversations_history(
                channel=channel_id, oldest=ts, latest=ts, inclusive=True, limit=1
            )
        except TROUBLE as error:
            logger.warning("a message stays as it is: %s", described(error))
            return
        for message in answer.get("messages") or ():
            if row := row_of(message.get("blocks") or (), *job):
                shown: dict[str, Any] = self._say.render(
                    template, number=int(row.partition(".")[2]), **facts
                )
                blocks = with_rows_replaced(message["blocks"], {row: shown["blocks"]})
                await self._put(channel_id, ts, {"text": message["text"], "blocks": blocks})

    async def _put(self, channel_id: str, ts: str, message: Mapping[str, Any]) -> None:
        try:
            await self._client.chat_update(
                channel=channel_id, ts=ts, text=message["text"], blocks=message["blocks"]
            )
        except TROUBLE as error:
            logger.warning("a message stays as it is: %s", described(error))

    async def audience(self, channel_id: str) -> Audience:
        """Who reads a channel: read in the last 10 minutes, and not changed since as far as Slack
        has sent events about it.

        Raises Later while reading more channels would exceed Slack's rate limit.
        """
        if channel_id.startswith(DIRECT):
            return Audience(channel_id, direct=True)
        cached = await self._audiences.read(channel_id)
        if cached.audience is not None:
            return cached.audience
        if (wait := await self._audiences.reserve()) > 0:
            raise Later(wait, "rate limit for reading channels")
        return await self._read(channel_id, cached.change)

    async def read_ahead(self, channel_ids: Iterable[str]) -> None:
        """Cache who reads these channels, up to the rate limit; what fails is read again later."""
        for channel_id in await self._audiences.missing(list(dict.fromkeys(channel_ids))):
            if await self._audiences.reserve(waits=False) > 0:
                return
            cached = await self._audiences.read(channel_id)
            try:
                await self._read(channel_id, cached.change)
            except Later as later:
                logger.info("channels are read ahead later: %s", later.reason)
                return
            except SlackClientError as error:
                logger.warning("the readers of a channel cannot be read: %s", described(error))

    async def _read(self, channel_id: str, change: str) -> Audience:
        try:
            with _later_where_it_passes():
                audience = await audience_of(self._client, channel_id)
        except Later as later:
            if isinstance(later.__cause__, Exception) and limited(later.__cause__) is not None:
                await self._audiences.hold(later.seconds)
            raise
        await self._audiences.keep(audience, change)
        return audience

    async def is_gone(self, user_id: str) -> bool:
        """Whether somebody has left the workspace."""
        with _later_where_it_passes():
            return await is_gone(self._client, user_id)

    async def _posted(self, post: Post, template: str, facts: dict[str, Any]) -> bool | None:
        """Whether it was posted; None if that is not known, now or after an earlier attempt."""
        try:
            ts = await self._once.post(post, self._say.render(template, **facts))
        except PostRefused as refused:
            logger.warning("%s was not posted: %s", post.name, refused)
            return False
        except OutcomeUnknown:
            ts = ""
        if not ts:
            logger.warning("whether %s was posted is not known", post.name)
        return True if ts else None


@contextmanager
def _later_where_it_passes() -> Iterator[None]:
    try:
        yield
    except TROUBLE as error:
        if (seconds := passes_in(error)) is not None:
            raise Later(seconds, described(error)) from error
        raise
