"""Posts each message exactly once, even if workers crash or Slack fails after posting.

A worker claims the message, posts it and records the result. A worker that finds a claim with an
unknown outcome searches the channel for the message by its markers, and posts only if it is
missing. Claims expire by Redis's clock and are checked right before the post, so a worker that was
suspended or has a wrong clock does not post.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.errors import RetryLater
from bot.slack.errors import (
    SLACK_ERRORS,
    TOKEN_RETRY_SECONDS,
    error_code,
    had_no_effect,
    refuses_token,
    retry_after,
)
from bot.store.idempotency import POST_CLAIM_SECONDS, IdempotencyClaims
from bot.store.rate_limits import MessageRateLimiter

logger = logging.getLogger(__name__)

POST_TIMEOUT_SECONDS = 8.0  # from the claim to Slack's response
HISTORY_SEARCH_TIMEOUT_SECONDS = 8.0
"""Both timeouts are much shorter than a claim, so a worker stops before another one can claim."""

MAX_CLAIM_AGE_SECONDS = 2.0
"""An older claim is not used, because this process or its connection to Redis was stalled."""

MAX_RATE_LIMIT_WAIT_SECONDS = 8.0  # a task with a longer wait runs again later
MAX_CLAIMS = 5  # per run of a task
HISTORY_DELAY_SECONDS = 2.0
"""Wait before a search, so that the history contains the latest messages."""

HISTORY_WINDOW_SECONDS = 15 * 60.0  # allows for clock differences and long retries
HISTORY_PAGE_SIZE = 200
MAX_HISTORY_PAGES = 10

METADATA_EVENT_TYPE = "emporix_jobs_post"
POST_RATE_LIMITED = "rate limit of the channel or workspace"
POST_ERRORS = (*SLACK_ERRORS, OSError)


class PostRefused(Exception):
    """Slack refused the message; `reason` is its error code."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class OutcomeUnknown(Exception):
    """The message may have been posted, but can't be searched for; it is not posted again."""


Admit = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class OutgoingMessage:
    """A message to post; `key` is unique and the same for each attempt.

    `begun_at` is the earliest time of the first attempt, in seconds since 1970. `admit` is called
    right before posting and raises if the message must not be posted, because the channel's
    audience may have changed since the message was prepared.
    """

    key: str
    team_id: str
    channel_id: str
    begun_at: float
    thread_ts: str = ""
    admit: Admit | None = field(default=None, compare=False, repr=False)


class IdempotentPoster:
    """Posts messages once. `client` must not retry calls by itself.

    Raises StoreUnavailable if Redis doesn't answer.
    """

    def __init__(
        self,
        client: AsyncWebClient,
        claims: IdempotencyClaims,
        rate_limiter: MessageRateLimiter,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._client, self._claims, self._rate_limiter, self._sleep = (
            client,
            claims,
            rate_limiter,
            sleep,
        )

    async def is_sent(self, name: str) -> bool:
        """Whether the message is known to have been posted."""
        return await self._claims.find_sent(name) is not None

    async def may_be_sent(self, name: str) -> bool:
        """Whether the message was posted, or an attempt to post it may have had an effect."""
        return await self._claims.may_be_sent(name)

    async def post(self, post: OutgoingMessage, message: Mapping[str, Any]) -> str:
        """Post a rendered message once; returns its timestamp, "" if it is unknown.

        Raises RetryLater, PostRefused, OutcomeUnknown, and the errors of `post.admit`.
        """
        if done := await self._claims.find_sent(post.key):
            return done.ts
        await self._await_rate_limit(post)
        if post.admit:
            await post.admit()
        return await _Attempt(
            self._client, self._claims, self._rate_limiter, self._sleep, post
        ).run(message)

    async def _await_rate_limit(self, post: OutgoingMessage) -> None:
        """Wait until the rate limits of the channel and the workspace allow another message."""
        wait = await self._rate_limiter.reserve(
            post.team_id, post.channel_id, MAX_RATE_LIMIT_WAIT_SECONDS
        )
        if wait > MAX_RATE_LIMIT_WAIT_SECONDS:
            back = await self._rate_limiter.reserve_retry(
                post.team_id, MAX_RATE_LIMIT_WAIT_SECONDS / 2
            )
            raise RetryLater(max(back, wait - MAX_RATE_LIMIT_WAIT_SECONDS / 2), POST_RATE_LIMITED)
        if wait > 0:
            await self._sleep(wait)


class _Attempt:
    """One attempt to post a message, with its own claim."""

    def __init__(
        self,
        client: AsyncWebClient,
        claims: IdempotencyClaims,
        rate_limiter: MessageRateLimiter,
        sleep: Callable[[float], Awaitable[None]],
        post: OutgoingMessage,
    ) -> None:
        self._client, self._claims, self._rate_limiter, self._sleep = (
            client,
            claims,
            rate_limiter,
            sleep,
        )
        self._post, self._token, self._searched = post, secrets.token_hex(8), False

    async def run(self, message: Mapping[str, Any]) -> str:
        name, channel = self._post.key, (self._post.team_id, self._post.channel_id)
        for _ in range(MAX_CLAIMS):
            asked_at = asyncio.get_running_loop().time()
            claim = await self._claims.claim(
                name, self._token, channel, history_searched=self._searched
            )
            if claim.step == "sent":
                return claim.ts
            if claim.step == "busy":
                raise RetryLater(claim.seconds, "another worker is posting it")
            if claim.step == "post":
                return await self._send(message, asked_at)
            if claim.step == "wait":
                await self._wait(claim.seconds)
            elif found := await self._search():
                await self._claims.mark_sent(name, found)
                return found
        await self._claims.mark_unknown(name, self._token)
        raise RetryLater(HISTORY_DELAY_SECONDS, POST_RATE_LIMITED)

    async def _wait(self, seconds: float) -> None:
        if seconds > MAX_RATE_LIMIT_WAIT_SECONDS:
            await self._claims.mark_unknown(self._post.key, self._token)
            raise RetryLater(seconds, POST_RATE_LIMITED)
        await self._sleep(seconds)

    async def _send(self, message: Mapping[str, Any], asked_at: float) -> str:
        post, loop = self._post, asyncio.get_running_loop()
        if loop.time() - asked_at > MAX_CLAIM_AGE_SECONDS:
            logger.warning("a message was not posted: the process was suspended after its claim")
            await self._claims.release(post.key, self._token)
            raise RetryLater(HISTORY_DELAY_SECONDS, "the claim was too old to post")
        arguments = with_markers(message, post.key)
        if post.thread_ts:
            arguments["thread_ts"] = post.thread_ts
        try:
            async with asyncio.timeout_at(asked_at + POST_TIMEOUT_SECONDS):
                answer = await self._client.chat_postMessage(channel=post.channel_id, **arguments)
        except POST_ERRORS as error:
            raise await self._classify_failure(error) from error
        ts = str(answer["ts"])
        await self._claims.mark_sent(post.key, ts)
        return ts

    async def _classify_failure(self, error: Exception) -> Exception:
        """Classify the failure; if the outcome is unknown, keep the claim or mark it."""
        post = self._post
        if (seconds := retry_after(error)) is not None:
            await self._rate_limiter.pause(post.team_id, post.channel_id, seconds)
            await self._claims.release(post.key, self._token)
            return RetryLater(seconds, "Slack asks to wait")
        if not had_no_effect(error):
            logger.warning("unknown whether a message was posted: %s", type(error).__name__)
            if not isinstance(error, SlackApiError):  # Slack may still post it: keep the claim
                return RetryLater(POST_CLAIM_SECONDS, "Slack has not answered the post")
            await self._claims.mark_unknown(post.key, self._token)
            return RetryLater(HISTORY_DELAY_SECONDS, "the outcome of the post is unknown")
        await self._claims.release(post.key, self._token)
        if refuses_token(error):
            return RetryLater(TOKEN_RETRY_SECONDS, "Slack does not accept the token of the app")
        if isinstance(error, SlackApiError):
            return PostRefused(error_code(error))
        return RetryLater(HISTORY_DELAY_SECONDS, "Slack was not reached")

    async def _search(self) -> str:
        """The timestamp of the message in its channel; "" if it isn't found.

        If the search fails, the outcome stays unknown, and the next attempt searches again.
        """
        try:
            async with asyncio.timeout(HISTORY_SEARCH_TIMEOUT_SECONDS):
                found = await self._find_in_history()
        except POST_ERRORS as error:
            seconds = TOKEN_RETRY_SECONDS if refuses_token(error) else retry_after(error)
            if seconds is None and isinstance(error, SlackApiError) and had_no_effect(error):
                logger.warning("the history of a channel could not be read: %s", error_code(error))
                raise await self._give_up() from None
            await self._claims.mark_unknown(self._post.key, self._token)
            pause = HISTORY_DELAY_SECONDS if seconds is None else seconds
            raise RetryLater(pause, "the channel history cannot be read") from error
        self._searched = True
        return found

    async def _find_in_history(self) -> str:
        """Search conversations.history or .replies (scopes channels:history, groups:history)."""
        cursor = ""
        for _ in range(MAX_HISTORY_PAGES):
            answer = await history_page(self._client, self._post, cursor)
            for message in answer.get("messages") or ():
                if has_marker(message, self._post.key):
                    return str(message["ts"])
            cursor = (answer.get("response_metadata") or {}).get("next_cursor") or ""
            if not cursor:
                return ""
        logger.warning("a message was not found in %d pages of history", MAX_HISTORY_PAGES)
        raise await self._give_up()

    async def _give_up(self) -> Exception:
        await self._claims.give_up(self._post.key, self._token)
        return OutcomeUnknown(self._post.key)


async def history_page(client: AsyncWebClient, post: OutgoingMessage, cursor: str = "") -> Any:
    """Read a page of the post's channel, newest messages first, or of its thread."""
    where: dict[str, Any] = {
        "channel": post.channel_id,
        "oldest": f"{post.begun_at - HISTORY_WINDOW_SECONDS:.6f}",
        "include_all_metadata": True,
        "limit": HISTORY_PAGE_SIZE,
        "cursor": cursor or None,
    }
    if post.thread_ts:
        return await client.conversations_replies(ts=post.thread_ts, **where)
    return await client.conversations_history(**where)


def with_markers(message: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The message with two markers: metadata, and the block_id of a block.

    Slack doesn't document whether an app needs a scope to read its metadata; a block_id (unique in
    a message, at most 255 characters) is in every history.
    """
    blocks = [dict(block) for block in message.get("blocks") or ()]
    for block in reversed(blocks):  # blocks that have an id must keep it
        if "block_id" not in block:
            block["block_id"] = marker_block_id(name)
            break
    metadata = {"event_type": METADATA_EVENT_TYPE, "event_payload": {"name": name}}
    return {**message, "blocks": blocks, "metadata": metadata}


def marker_block_id(name: str) -> str:
    """A block_id that is unique to the message."""
    return f"post.{sha256(name.encode()).hexdigest()[:40]}"


def has_marker(message: Mapping[str, Any], name: str) -> bool:
    """Whether a message of the history carries either marker."""
    return has_metadata_marker(message, name) or has_block_marker(message, name)


def has_metadata_marker(message: Mapping[str, Any], name: str) -> bool:
    metadata = message.get("metadata") or {}
    named = (metadata.get("event_payload") or {}).get("name")
    return metadata.get("event_type") == METADATA_EVENT_TYPE and named == name


def has_block_marker(message: Mapping[str, Any], name: str) -> bool:
    return any(
        block.get("block_id") == marker_block_id(name) for block in message.get("blocks") or ()
    )
