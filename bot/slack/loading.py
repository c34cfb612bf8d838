"""Loading states, shown when an answer takes a long time."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from bot.errors import OutdatedButton
from bot.rendering import buttons
from bot.rendering.blockkit.fit import fit_payload
from bot.rendering.buttons import JobButton, decode
from bot.rendering.renderer import Renderer
from bot.slack.errors import SLACK_ERRORS
from bot.slack.modals import Modal
from bot.slack.reply import Reply
from bot.slack.request import SlackRequest, clicked


@dataclass(frozen=True, slots=True)
class RestoreButton:
    """A button: label, action_id and value."""

    label: str
    action_id: str
    value: str


def restore_button(action_id: str, value: str) -> RestoreButton:
    """A button that opens the job of the clicked button, or repeats the click."""
    try:
        decode(value, JobButton)
    except OutdatedButton:
        return RestoreButton("Try again", action_id, value)
    # A delete always needs confirmation; the user can delete again from the opened job.
    return RestoreButton("Open the job", buttons.JOBS_GET_OPEN, value)


LOADING_AFTER_SECONDS = 1.5
LOADING_TIMEOUT_SECONDS = 3.0
"""The timeout for sending a loading state; the answer is sent after it, so that it arrives last."""


@dataclass(frozen=True, slots=True)
class ClickedButton:
    """The clicked button; `message` is empty if Slack doesn't send it to the app."""

    action_id: str
    value: str
    block_id: str
    message: Mapping[str, Any]


def clicked_button(payload: Mapping[str, Any]) -> ClickedButton:
    """The clicked button of a `block_actions` payload. Slack: it includes no ephemeral messages."""
    button = payload["actions"][0]
    action_id, value = clicked(button)
    is_shown = not (payload.get("container") or {}).get("is_ephemeral")
    message = payload.get("message") or {}
    return ClickedButton(
        action_id=action_id,
        value=value,
        block_id=str(button.get("block_id")),
        message=message if is_shown and message.get("blocks") else {},
    )


class MessageSender(Reply, Protocol):
    """A reply that can also send rendered messages."""

    async def send(self, message: Mapping[str, Any], *, replace: bool) -> None: ...

    async def post(self, message: Mapping[str, Any], *, replace: bool) -> bool:
        """Send to the response_url only; returns whether Slack accepted it."""
        ...


class LoadingReply:
    """A reply that shows a loading state if the answer takes a long time.

    If `replaced` is set, the clicked message becomes a placeholder, which the answer replaces. If
    it is None, as after a slash command, the loading state is a separate message.

    An answer that doesn't replace the message, such as an error, restores it: completely if Slack
    sent it to the app, otherwise with a button below the answer.
    """

    def __init__(
        self, renderer: Renderer, reply: MessageSender, replaced: ClickedButton | None
    ) -> None:
        self._renderer, self._reply, self._replaced = renderer, reply, replaced
        self._one_at_a_time = asyncio.Lock()
        self._is_answered = False
        self._taken_away: ClickedButton | None = None
        self._notice: asyncio.Task[None] | None = None

    def begin(self, seconds: float) -> None:
        """Show a loading state if there is no answer after `seconds`."""
        self._notice = asyncio.create_task(self._notify(seconds))

    async def end(self) -> None:
        """Cancel the loading state; no further answer follows."""
        async with self._one_at_a_time:
            self._is_answered = True
        if self._notice:
            self._notice.cancel()

    async def __call__(self, template: str, /, *, replace: bool = False, **facts: Any) -> None:
        message: Mapping[str, Any] = self._renderer.render(template, **facts)
        async with self._one_at_a_time:
            self._is_answered = True
            if self._taken_away and not replace:
                message, replace = await self._restore_message(self._taken_away, message)
            self._taken_away = None
            await self._reply.send(message, replace=replace)

    async def _notify(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        async with self._one_at_a_time:
            if self._is_answered:
                return
            # Set even if the post fails: an interrupted request may have taken effect.
            self._taken_away = self._replaced
            await self._post(self._placeholder(), replace=self._replaced is not None)

    def _placeholder(self) -> Mapping[str, Any]:
        """The message with the clicked buttons replaced, or a short notice if it is unknown."""
        waiting: Mapping[str, Any] = self._renderer.render("loading.slow")
        if self._replaced is None or not self._replaced.message:
            return waiting
        block_id, message = self._replaced.block_id, self._replaced.message
        return _message(message, _with_block(message["blocks"], block_id, waiting["blocks"]))

    async def _restore_message(
        self, press: ClickedButton, message: Mapping[str, Any]
    ) -> tuple[Mapping[str, Any], bool]:
        """Restore the clicked message, or add a button to `message` that does.

        Returns the message to send, and whether it replaces the placeholder.
        """
        if press.message:
            await self._post(_message(press.message, press.message["blocks"]), replace=True)
            return message, False
        button = restore_button(press.action_id, press.value)
        row: Mapping[str, Any] = self._renderer.render("loading.restore", button=button)
        return fit_payload({**message, "blocks": [*message["blocks"], *row["blocks"]]}), True

    async def _post(self, message: Mapping[str, Any], *, replace: bool) -> None:
        try:
            async with asyncio.timeout(LOADING_TIMEOUT_SECONDS):
                await self._reply.post(message, replace=replace)
        except TimeoutError:
            return


def _with_block(blocks: Any, block_id: str, instead: Any) -> list[Any]:
    """`blocks` with one block replaced; the buttons in the other blocks still work."""
    changed: list[Any] = []
    for block in blocks:
        changed += instead if block.get("block_id") == block_id else [block]
    return changed


def _message(message: Mapping[str, Any], blocks: Any) -> dict[str, Any]:
    return {"text": message.get("text") or "…", "blocks": blocks}


class LoadingModal(Modal):
    """A `Modal` that shows a loading state if the answer takes a long time."""

    def __init__(self, renderer: Renderer, request: SlackRequest) -> None:
        super().__init__(renderer, request)
        self._one_at_a_time = asyncio.Lock()
        self._is_answered = self._is_noted = False
        self._notice: asyncio.Task[None] | None = None

    def begin(self, seconds: float) -> None:
        """Show a loading state in an open modal if there is no answer after `seconds`."""
        if self.is_open:
            self._notice = asyncio.create_task(self._notify(seconds))

    async def end(self) -> None:
        """Cancel the loading state, and restore the modal if there was no answer."""
        if self._notice is None:
            return
        async with self._one_at_a_time:
            if self._is_noted and not self._is_answered:
                await self._put(())
            self._is_answered = True
        self._notice.cancel()

    async def show(self, view: dict[str, Any]) -> bool:
        async with self._one_at_a_time:
            self._is_answered = True
            return await super().show(view)

    async def _notify(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        async with self._one_at_a_time:
            if not self._is_answered:
                self._is_noted = True
                waiting: Mapping[str, Any] = self._renderer.render("loading.slow")
                await self._put(waiting["blocks"])

    async def _put(self, on_top: Sequence[Any]) -> None:
        """Show the original view with these blocks on top; Slack may refuse it."""
        try:
            await super().show(self._with_blocks_on_top(on_top))
        except SLACK_ERRORS:
            return


logger = logging.getLogger(__name__)

MODAL_UPDATE_INTERVAL_SECONDS = 1.5


class ModalProgress:
    """Shows progress in the modal, at most every 1.5 s.

    Slack accepts about a hundred view updates per minute; a refused update is skipped.
    """

    def __init__(
        self, modal: Modal, template: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._modal, self._template, self._clock = modal, template, clock
        self._shown_at = clock()

    async def __call__(self, done: int, total: int | None) -> None:
        now = self._clock()
        if now - self._shown_at < MODAL_UPDATE_INTERVAL_SECONDS:
            return
        self._shown_at = now
        try:
            await self._modal.update(self._template, done=done, total=total)
        except SLACK_ERRORS as error:
            logger.info("progress could not be shown: %s", type(error).__name__)
