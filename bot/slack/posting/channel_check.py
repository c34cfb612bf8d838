"""Tests in a channel what the app relies on: posts a message, finds, updates and deletes it."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.rendering.blockkit.rules import CHART_BLOCK
from bot.rendering.renderer import Renderer
from bot.slack.conversations import ChannelInfo, audience_from_info, channel_info
from bot.slack.errors import (
    INVALID_BLOCKS,
    SLACK_ERRORS,
    ChannelNotVisible,
    classify,
    error_code,
    error_name,
    had_no_effect,
)
from bot.slack.posting.post_once import (
    HISTORY_DELAY_SECONDS,
    OutcomeUnknown,
    OutgoingMessage,
    has_block_marker,
    has_marker,
    has_metadata_marker,
    history_page,
    with_markers,
)

Message = Mapping[str, Any]

MESSAGE_DELETED = "message_not_found"  # Slack's error code
REPORT_IT = "report this as a bug in the app"
NO_ACTION = "no action is needed"
NEXT_STEPS = {
    "app": "update the app from manifest.yml, and reinstall it",
    "channel": "choose another channel",
    "request": REPORT_IT,
}
"""What the operator can do about a refusal of Slack, by what must change."""

WITHOUT_PARTS = {
    "chart": f"digests show the same numbers as text; {NO_ACTION}",
    "menu": REPORT_IT,
    "button": REPORT_IT,
}
"""The parts of the test message that Slack may not support, and what that means."""

OMITTED_PARTS = ((), *((part,) for part in WITHOUT_PARTS), tuple(WITHOUT_PARTS))
"""The parts to leave out in one attempt after another: none, each one, all."""


class ReportCheck(Protocol):
    """Receives a result; with `is_optional`, the app works although it is negative."""

    def __call__(
        self, subject: str, ok: bool, message: str, *, is_optional: bool = False
    ) -> None: ...


class ChannelCheck:
    """Tests one channel. `poster` must not retry calls by itself; `client` may."""

    def __init__(
        self,
        client: AsyncWebClient,
        poster: AsyncWebClient,
        renderer: Renderer,
        channel_id: str,
        report: ReportCheck,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._client, self._poster, self._renderer = client, poster, renderer
        self._report, self._sleep = report, sleep
        key = f"doctor:{secrets.token_hex(8)}"
        self._post = OutgoingMessage(key, "", channel_id, clock())
        self._sending: asyncio.Future[Any] | None = None
        self._link = ""

    async def run(self) -> None:
        """Report one result for each assumption; deletes the message even if it is cancelled."""
        try:
            if await self._is_suitable():
                await self._try_message()
        finally:
            if self._sending is not None:
                await self._delete(self._sending)

    async def _is_suitable(self) -> bool:
        """Whether a test message may be posted to the channel."""
        try:
            me = await self._client.auth_test()
            channel = await channel_info(self._client, self._post.channel_id)
        except SLACK_ERRORS as error:
            self._report("channel", False, _invisible(error) or _next_step(error))
            return False
        self._link = f"{me['url']}archives/{self._post.channel_id}"
        problem = _unsuitable(channel, str(me["user"]))
        self._report("channel", not problem, problem or f"#{channel['name']}, with the app in it")
        return not problem

    async def _try_message(self) -> None:
        for omitted in OMITTED_PARTS:
            parts = [part for part in WITHOUT_PARTS if part not in omitted]
            try:
                posted = await self._send(parts)
            except SLACK_ERRORS as error:
                if _refuses_blocks(error) and parts:
                    continue
                self._report("post", False, _next_step(error))
                return
            self._report("post", True, "with metadata and a block_id")
            found = await self._find_posted(str(posted["ts"]))
            self._report_parts(parts, found or posted["message"])
            await self._update(str(posted["ts"]), parts, found)
            return

    async def _send(self, parts: Sequence[str]) -> Any:
        """Post the message; the call ends even if this check is cancelled meanwhile."""
        message = with_markers(self._render(parts), self._post.key)
        channel_id = self._post.channel_id
        self._sending = asyncio.ensure_future(
            self._poster.chat_postMessage(channel=channel_id, **message)
        )
        return await asyncio.shield(self._sending)

    def _render(self, parts: Sequence[str], *, is_updated: bool = False) -> dict[str, Any]:
        return self._renderer.render("channel_check", parts=parts, is_updated=is_updated)

    async def _find_posted(self, ts: str) -> Message | None:
        """Find the message in the history, and report which of its markers are there."""
        try:
            found = await self._find(lambda message: message.get("ts") == ts)
        except SLACK_ERRORS as error:
            self._report("history", False, _next_step(error))
            return None
        if found is None:
            late = f"the message isn't there after {HISTORY_DELAY_SECONDS:g} s: {REPORT_IT}"
            self._report("history", False, late)
            return None
        self._report("history", True, "the message is there")
        self._report_markers(found)
        return found

    def _report_markers(self, found: Message) -> None:
        """The app recognizes its messages by either marker."""
        markers = {
            "metadata": has_metadata_marker(found, self._post.key),
            "block_id": has_block_marker(found, self._post.key),
        }
        has_one = any(markers.values())
        step = f"the app uses the other marker; {NO_ACTION}" if has_one else REPORT_IT
        for subject, is_there in markers.items():
            words = "found in the history" if is_there else f"not in the history: {step}"
            self._report(subject, is_there, words, is_optional=has_one)

    def _report_parts(self, sent: Sequence[str], message: Message) -> None:
        kept = set(_parts_of(message))
        for part, step in WITHOUT_PARTS.items():
            problem = "" if part in kept else f"Slack removed it from the message: {step}"
            if part not in sent:
                problem = f"Slack refuses it ({INVALID_BLOCKS}): {step}"
            is_optional = step != REPORT_IT
            self._report(part, not problem, problem or "accepted", is_optional=is_optional)

    async def _update(self, ts: str, parts: Sequence[str], found: Message | None) -> None:
        """Update the message as the app does: with the blocks that are in the history."""
        message = self._render(parts, is_updated=True)
        rest = (found or with_markers(message, self._post.key))["blocks"][1:]
        words, blocks = message["text"], [message["blocks"][0], *rest]
        try:
            await self._client.chat_update(
                channel=self._post.channel_id, ts=ts, text=words, blocks=blocks
            )
            is_shown = not found or await self._find(
                lambda message: message.get("ts") == ts and message.get("text") == words
            )
        except SLACK_ERRORS as error:
            self._report("update", False, _next_step(error))
            return
        problem = "" if is_shown else f"the history still has the old text: {REPORT_IT}"
        self._report("update", not problem, problem or "the message was updated")

    async def _find(self, is_wanted: Callable[[Message], bool]) -> Message | None:
        """Search the newest messages, and once more after a delay."""
        for delay in (0.0, HISTORY_DELAY_SECONDS):
            if delay:
                await self._sleep(delay)
            page = await history_page(self._client, self._post)
            for message in page.get("messages") or ():
                if is_wanted(message):
                    found: Message = message
                    return found
        return None

    async def _delete(self, sending: asyncio.Future[Any]) -> None:
        """Delete the message; if this fails or is interrupted, report where it is."""
        problem, ts = "interrupted", ""
        try:
            ts = await self._posted_ts(sending)
            if ts:
                await self._client.chat_delete(channel=self._post.channel_id, ts=ts)
            problem = ""
        except OutcomeUnknown:
            problem = "unknown whether the message was posted"
        except SLACK_ERRORS as error:
            problem = "" if error_name(error) == MESSAGE_DELETED else error_name(error)
        finally:
            link = f"{self._link}/p{ts.replace('.', '')}" if ts else self._link
            if problem:
                words = f"{problem}: look for the test message at {link}, and delete it"
                self._report("delete", False, words)
            elif ts:
                self._report("delete", True, "the message was deleted")

    async def _posted_ts(self, sending: asyncio.Future[Any]) -> str:
        """The timestamp of the message, "" if it was not posted. Raises OutcomeUnknown."""
        try:
            return str((await asyncio.shield(sending))["ts"])
        except SLACK_ERRORS as error:
            if had_no_effect(error):
                return ""
        await self._sleep(HISTORY_DELAY_SECONDS)
        found = await self._find(lambda message: has_marker(message, self._post.key))
        if found is None:
            raise OutcomeUnknown(self._post.key)
        return str(found["ts"])


def _unsuitable(channel: ChannelInfo, bot_name: str) -> str:
    """Why no test message is posted to a channel; empty if nothing prevents it."""
    audience = audience_from_info(channel)
    if audience.is_direct:
        return "this is a direct message: choose a channel"
    if audience.is_archived:
        return "it is archived: choose another channel"
    if audience.has_outsiders:
        return "people from other organizations read it: choose another channel"
    if not channel.get("is_member"):
        return f"the app is not in it: type `/invite @{bot_name}` there, or choose another channel"
    return ""


def _invisible(error: Exception) -> str:
    if not ChannelNotVisible.includes(error):
        return ""
    return f"{error_name(error)}: check the id; if the channel is private, invite the app first"


def _next_step(error: Exception) -> str:
    refusal = classify(error)
    if refusal.kind != "permanent":
        return f"{refusal.reason}: try again in {refusal.seconds:.0f} s"
    return f"{refusal.reason}: {NEXT_STEPS[refusal.about]}"


def _refuses_blocks(error: Exception) -> bool:
    return isinstance(error, SlackApiError) and error_code(error) == INVALID_BLOCKS


def _parts_of(message: Message) -> Iterator[str]:
    """The parts of the test message that Slack has kept."""
    for block in message.get("blocks") or ():
        if block.get("type") == CHART_BLOCK:
            yield "chart"
        for element in (block.get("accessory") or {}, *(block.get("elements") or ())):
            if element.get("type") == "overflow":
                yield "menu"
            if element.get("type") == "button" and element.get("confirm"):
                yield "button"
