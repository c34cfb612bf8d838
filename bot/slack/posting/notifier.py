"""Sends notifications to users and channels, each once."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.accounts import Audience, Caller
from bot.errors import RetryLater, ShareRefused
from bot.rendering.blockkit.fit import fit_payload
from bot.rendering.message_rows import row_of, with_rows_replaced
from bot.rendering.renderer import Renderer
from bot.slack.conversations import DIRECT_MESSAGE_PREFIX, Files, read_audience
from bot.slack.errors import (
    SLACK_ERRORS,
    MessageGone,
    describe,
    error_name,
    retry_after,
    retry_seconds,
)
from bot.slack.posting.post_once import (
    IdempotentPoster,
    OutcomeUnknown,
    OutgoingMessage,
    PostRefused,
)
from bot.slack.users import find_gone, has_left, is_member, time_zone_of
from bot.store.slack_cache import AudienceCache, TimeZoneCache

logger = logging.getLogger(__name__)


class DirectMessages:
    """Sends direct messages. Its methods raise the errors of the Web API."""

    def __init__(self, renderer: Renderer, client: AsyncWebClient) -> None:
        self._renderer, self._client = renderer, client

    async def send(self, caller: Caller, template: str, /, **facts: Any) -> None:
        """Render a template and send it."""
        message: dict[str, Any] = self._renderer.render(template, **facts)
        await self._client.chat_postMessage(channel=caller.user_id, **message)

    async def send_or_update(
        self, caller: Caller, message_key: str, template: str, /, **facts: Any
    ) -> str:
        """Update an earlier message, or send a new one if that message is gone.

        Returns the key of the message; pass an empty `message_key` for the first one.
        """
        message: dict[str, Any] = self._renderer.render(template, **facts)
        if message_key and await self._change(message_key, message):
            return message_key
        posted = await self._client.chat_postMessage(channel=caller.user_id, **message)
        return f"{posted['channel']}:{posted['ts']}"

    async def _change(self, message_key: str, message: dict[str, Any]) -> bool:
        channel, _, ts = message_key.partition(":")
        try:
            await self._client.chat_update(
                channel=channel, ts=ts, text=message["text"], blocks=message["blocks"]
            )
        except SlackApiError as error:
            if not MessageGone.includes(error):
                raise
            return False
        return True

    async def send_file(self, caller: Caller, name: str, text: str) -> str:
        """Send a file; returns its permalink, or "" if Slack returns none. Raises FileRefused."""
        return await Files(self._client, caller.user_id).share(name, text)

    async def has_left(self, caller: Caller) -> bool:
        """Whether a user has left; False if Slack doesn't say."""
        try:
            return await has_left(self._client, caller.user_id)
        except SLACK_ERRORS as error:
            logger.warning("could not check whether a user has left: %s", error_name(error))
            return False

    def reply_about(self, caller: Caller, subject: str) -> DirectReply:
        """A `Reply` that puts the subject above each message."""
        return DirectReply(self._renderer, self._client, caller, subject)


class DirectReply:
    """A `Reply` without a request, for errors that the owner of a task should see."""

    def __init__(
        self, renderer: Renderer, client: AsyncWebClient, caller: Caller, subject: str
    ) -> None:
        self._renderer, self._client, self._caller = renderer, client, caller
        self._subject = subject

    async def __call__(self, template: str, /, *, replace: bool = False, **facts: Any) -> None:
        message: dict[str, Any] = self._renderer.render(template, **facts)
        about: dict[str, Any] = self._renderer.render("about", subject=self._subject)
        blocks = [*about["blocks"], *message["blocks"]]
        await self._client.chat_postMessage(
            channel=self._caller.user_id, **fit_payload({**message, "blocks": blocks})
        )


class Notifier:
    """Posts messages of scheduled work; may raise RetryLater or the errors of the Web API."""

    def __init__(
        self,
        renderer: Renderer,
        poster: IdempotentPoster,
        client: AsyncWebClient,
        audiences: AudienceCache,
        time_zones: TimeZoneCache,
    ) -> None:
        self._renderer, self._poster, self._client = renderer, poster, client
        self._audiences, self._time_zones = audiences, time_zones

    async def send_direct(
        self, name: str, to: Caller, begun_at: float, template: str, /, **facts: Any
    ) -> bool:
        """Send a direct message with the unique key `name`; False if Slack refuses it."""
        post = await self._direct_message(name, to, begun_at)
        if post is None:
            return False
        if (posted := await self._post(post, template, facts)) is not None:
            return posted
        # A duplicate is better than no message; the new key limits the copies to two.
        again = replace(post, key=f"{name}:again")
        return await self._post(again, template, facts) is not False

    async def post_direct(
        self, name: str, to: Caller, begun_at: float, template: str, /, **facts: Any
    ) -> str:
        """Send a direct message to be updated later; returns its key, "" if it can't be posted.

        If an earlier attempt posted it, that message is used, with its old text.
        """
        post = await self._direct_message(name, to, begun_at)
        if post is None:
            return ""
        try:
            ts = await self._poster.post(post, self._renderer.render(template, **facts))
        except (PostRefused, OutcomeUnknown) as error:
            logger.warning("%s cannot be updated later: %s", name, error)
            return ""
        return f"{post.channel_id}:{ts}" if ts else ""

    async def _direct_message(
        self, name: str, to: Caller, begun_at: float
    ) -> OutgoingMessage | None:
        """A message to a user; None if Slack refuses to open their direct messages."""
        try:
            opened = await self._client.conversations_open(users=to.user_id)
        except SLACK_ERRORS as error:
            if (seconds := retry_seconds(error)) is not None:
                raise RetryLater(seconds, describe(error)) from error
            logger.warning("direct messages could not be opened: %s", describe(error))
            return None
        return OutgoingMessage(name, to.team_id, str(opened["channel"]["id"]), begun_at)

    async def post_in_channel(self, post: OutgoingMessage, template: str, /, **facts: Any) -> bool:
        """Post a message or a reply to a channel; False if Slack refuses it."""
        return await self._post(post, template, facts) is not False

    async def post_admitted(
        self,
        post: OutgoingMessage,
        admit: Callable[[Audience], None],
        template: str,
        /,
        **facts: Any,
    ) -> bool:
        """Like `post_in_channel`; also returns False if `admit` refuses the channel's audience."""
        try:
            admit(await self.audience(post.channel_id))
        except (ShareRefused, *SLACK_ERRORS) as error:
            reason = error.reason if isinstance(error, ShareRefused) else describe(error)
            logger.warning("could not post %s: %s", post.key, reason)
            return False
        return await self.post_in_channel(post, template, **facts)

    async def update(self, channel_id: str, ts: str, template: str, /, **facts: Any) -> None:
        """Update a channel message; if Slack refuses, the message stays unchanged."""
        await self._put(channel_id, ts, self._renderer.render(template, **facts))

    async def update_row(
        self, channel_id: str, ts: str, job: tuple[str, str], template: str, /, **facts: Any
    ) -> None:
        """Replace the row of a job (tenant and id) in a shared list.

        If Slack doesn't return the message, or refuses the update, it stays unchanged. Slack:
        conversations.history, scopes channels:history and groups:history.
        """
        try:
            answer = await self._client.conversations_history(
                channel=channel_id, oldest=ts, latest=ts, inclusive=True, limit=1
            )
        except SLACK_ERRORS as error:
            logger.warning("a message was not updated: %s", describe(error))
            return
        for message in answer.get("messages") or ():
            if row := row_of(message.get("blocks") or (), *job):
                shown: dict[str, Any] = self._renderer.render(
                    template, number=int(row.partition(".")[2]), **facts
                )
                blocks = with_rows_replaced(message["blocks"], {row: shown["blocks"]})
                await self._put(channel_id, ts, {"text": message["text"], "blocks": blocks})

    async def _put(self, channel_id: str, ts: str, message: Mapping[str, Any]) -> None:
        try:
            await self._client.chat_update(
                channel=channel_id, ts=ts, text=message["text"], blocks=message["blocks"]
            )
        except SLACK_ERRORS as error:
            logger.warning("a message was not updated: %s", describe(error))

    async def audience(self, channel_id: str) -> Audience:
        """The audience of a channel, cached for 10 minutes or until Slack reports a change.

        Raises RetryLater if reading another channel would exceed Slack's rate limit.
        """
        if channel_id.startswith(DIRECT_MESSAGE_PREFIX):
            return Audience(channel_id, is_direct=True)
        cached = await self._audiences.load(channel_id)
        if cached.audience is not None:
            return cached.audience
        if (wait := await self._audiences.reserve()) > 0:
            raise RetryLater(wait, "rate limit for reading channels")
        return await self._read(channel_id, cached.change)

    async def read_ahead(self, channel_ids: Iterable[str]) -> None:
        """Cache the audiences of these channels, up to the rate limit; failures are read later."""
        for channel_id in await self._audiences.missing(list(dict.fromkeys(channel_ids))):
            if await self._audiences.reserve(waits=False) > 0:
                return
            cached = await self._audiences.load(channel_id)
            try:
                await self._read(channel_id, cached.change)
            except RetryLater as later:
                logger.info("reading channels in advance is postponed: %s", later.reason)
                return
            except SlackClientError as error:
                logger.warning("the audience of a channel could not be read: %s", describe(error))

    async def _read(self, channel_id: str, change: str) -> Audience:
        try:
            with _retry_temporary_errors():
                audience = await read_audience(self._client, channel_id)
        except RetryLater as later:
            if isinstance(later.__cause__, Exception) and retry_after(later.__cause__) is not None:
                await self._audiences.pause(later.seconds)
            raise
        await self._audiences.save(audience, change)
        return audience

    async def zone_name(self, user: Caller) -> str:
        """The time zone of a user, as in the IANA database; "" if it is not known.

        Raises StoreUnavailable.
        """
        return str(await time_zone_of(user, self._client, self._time_zones) or "")

    async def has_left(self, user_id: str) -> bool:
        """Whether a user has left the workspace."""
        with _retry_temporary_errors():
            return await has_left(self._client, user_id)

    async def is_member(self, channel_id: str, user_id: str) -> bool:
        """Whether a user is a member of a channel; raises NotInChannel as `users.is_member`."""
        with _retry_temporary_errors():
            return await is_member(self._client, channel_id, user_id)

    async def find_gone(
        self, team_id: str, user_ids: Iterable[str], group_ids: Sequence[str]
    ) -> list[str]:
        """The users and user groups that Slack doesn't notify, as in `users.find_gone`."""
        return await find_gone(self._client, team_id, user_ids, group_ids)

    async def _post(
        self, post: OutgoingMessage, template: str, facts: dict[str, Any]
    ) -> bool | None:
        """Whether the message was posted; None if this or an earlier outcome is unknown."""
        try:
            ts = await self._poster.post(post, self._renderer.render(template, **facts))
        except PostRefused as refused:
            logger.warning("%s was not posted: %s", post.key, refused)
            return False
        except OutcomeUnknown:
            ts = ""
        if not ts:
            logger.warning("unknown whether %s was posted", post.key)
        return True if ts else None


@contextmanager
def _retry_temporary_errors() -> Iterator[None]:
    try:
        yield
    except SLACK_ERRORS as error:
        if (seconds := retry_seconds(error)) is not None:
            raise RetryLater(seconds, describe(error)) from error
        raise
