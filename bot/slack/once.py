"""A message that must be posted once, though workers die and Slack answers 500 after posting.

Claim, post, sent. Whoever finds a claim that ended without a word looks for the message in the
channel, by the metadata that it carries, and posts only where it is not.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from bot.later import Later
from bot.slack.refusals import is_certain, limited, word
from bot.store.pace import Pace
from bot.store.posts import CLAIM_SECONDS, Posts

logger = logging.getLogger(__name__)

POST_SECONDS = 8.0
LOOK_SECONDS = 8.0
"""Together well within a claim: who is cut off by these has stopped before anybody else begins."""

LONGEST_WAIT = 8.0  # seconds for its turn, in the task; who would wait longer comes back
SETTLE_SECONDS = 2.0  # before the channel is looked into, so that it shows what was just posted
LOOK_BACK_SECONDS = 15 * 60.0  # for clocks that differ, and for a first attempt that was long ago
PAGE = 200
MOST_PAGES = 10

EVENT = "emporix_jobs_post"


class PostRefused(Exception):
    """Slack has said that it does not post this; `reason` is its word."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class OutcomeUnknown(Exception):
    """Perhaps it was posted, and Slack does not let us look; it is not posted again."""


@dataclass(frozen=True, slots=True)
class Post:
    """What is to be posted; `name` is the same whenever it is tried again, and no other post's.

    `begun_at` is when it was tried first, at the earliest, in seconds since 1970.
    """

    name: str
    team_id: str
    channel_id: str
    begun_at: float
    thread_ts: str = ""


class Once:
    """Posts messages once. `client` must not repeat calls by itself.

    Raises StoreUnavailable where Redis does not answer.
    """

    def __init__(
        self,
        client: AsyncWebClient,
        posts: Posts,
        pace: Pace,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._client, self._posts, self._pace = client, posts, pace
        self._clock, self._sleep = clock, sleep

    async def sent(self, name: str) -> bool:
        """Whether it is known to be posted."""
        return await self._posts.sent(name) is not None

    async def post(self, post: Post, message: Mapping[str, Any]) -> str:
        """Post a rendered message, unless that is done; gives its timestamp, "" if not known.

        Raises Later, PostRefused and OutcomeUnknown.
        """
        if done := await self._posts.sent(post.name):
            return done.ts
        await self._turn(post)
        claim = await self._posts.claim(post.name, self._clock())
        if claim.step == "sent":
            return claim.ts
        if claim.step == "busy":
            raise Later(CLAIM_SECONDS, "another worker is posting it")
        if claim.step == "unknown" and (found := await self._looked(post)):
            await self._posts.settle(post.name, found)
            return found
        return await self._send(post, message)

    async def _turn(self, post: Post) -> None:
        """Wait until the channel and the workspace may have another message."""
        now = self._clock()
        wait = await self._pace.reserve(post.team_id, post.channel_id, now, LONGEST_WAIT)
        if wait > LONGEST_WAIT:
            back = await self._pace.come_back(post.team_id, now, LONGEST_WAIT / 2)
            raise Later(
                max(back, wait - LONGEST_WAIT / 2), "rate limit of the channel or workspace"
            )
        if wait > 0:
            await self._sleep(wait)

    async def _send(self, post: Post, message: Mapping[str, Any]) -> str:
        arguments = {**message, "metadata": _metadata(post)}
        if post.thread_ts:
            arguments["thread_ts"] = post.thread_ts
        try:
            async with asyncio.timeout(POST_SECONDS):
                answer = await self._client.chat_postMessage(channel=post.channel_id, **arguments)
        except (SlackClientError, aiohttp.ClientError, TimeoutError, OSError) as error:
            raise await self._not_posted(post, error) from None
        ts = str(answer["ts"])
        await self._posts.settle(post.name, ts)
        return ts

    async def _not_posted(self, post: Post, error: Exception) -> Exception:
        """What the failure means; where it means nothing certain, the claim stays in doubt."""
        if (seconds := limited(error)) is not None:
            await self._pace.hold(post.team_id, post.channel_id, self._clock() + seconds)
            await self._posts.release(post.name)
            return Later(seconds, "Slack asks to wait")
        if not is_certain(error):
            logger.warning("whether a message was posted is not known: %s", type(error).__name__)
            await self._posts.doubt(post.name, self._clock())
            return Later(SETTLE_SECONDS, "the outcome of the post is unknown")
        await self._posts.release(post.name)
        if isinstance(error, SlackApiError):
            return PostRefused(word(error))
        return Later(SETTLE_SECONDS, "Slack was not reached")

    async def _looked(self, post: Post) -> str:
        """The timestamp of the message in its channel; "" where it is not there.

        Where that cannot be told, the claim goes back into doubt, so that whoever comes next looks
        before posting.
        """
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                return await self._found(post)
        except (SlackClientError, aiohttp.ClientError, TimeoutError, OSError) as error:
            seconds = limited(error)
            if seconds is None and isinstance(error, SlackApiError) and is_certain(error):
                logger.warning("a channel cannot be looked into: %s", word(error))
                raise await self._unknown(post) from None
            await self._posts.doubt(post.name, self._clock())
            raise Later(
                SETTLE_SECONDS if seconds is None else seconds, "the channel history cannot be read"
            ) from None

    async def _found(self, post: Post) -> str:
        """Slack: conversations.history and .replies, scopes channels:history, groups:history."""
        cursor = ""
        for _ in range(MOST_PAGES):
            answer = await self._page(post, cursor)
            for message in answer.get("messages") or ():
                if _named(message) == post.name:
                    return str(message["ts"])
            cursor = (answer.get("response_metadata") or {}).get("next_cursor") or ""
            if not cursor:
                return ""
        raise await self._unknown(post)

    async def _page(self, post: Post, cursor: str) -> Any:
        where: dict[str, Any] = {
            "channel": post.channel_id,
            "oldest": f"{post.begun_at - LOOK_BACK_SECONDS:.6f}",
            "include_all_metadata": True,
            "limit": PAGE,
            "cursor": cursor or None,
        }
        if post.thread_ts:
            return await self._client.conversations_replies(ts=post.thread_ts, **where)
        return await self._client.conversations_history(**where)

    async def _unknown(self, post: Post) -> Exception:
        await self._posts.settle(post.name, "")
        return OutcomeUnknown(post.name)


def _metadata(post: Post) -> dict[str, Any]:
    return {"event_type": EVENT, "event_payload": {"name": post.name}}


def _named(message: Mapping[str, Any]) -> str:
    """The name of the post that this message is; "" where it is none."""
    metadata = message.get("metadata") or {}
    if metadata.get("event_type") != EVENT:
        return ""
    return str((metadata.get("event_payload") or {}).get("name") or "")
