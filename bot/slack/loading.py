"""Loading states: what a user sees while an answer takes long."""

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
from bot.rendering.buttons import JobButton, ListButton, decode
from bot.rendering.renderer import Renderer
from bot.slack.errors import SLACK_ERRORS
from bot.slack.modals import VIEW_FIELDS, Modal
from bot.slack.reply import Reply
from bot.slack.request import SlackRequest


@dataclass(frozen=True, slots=True)
class RestoreButton:
    """A button: its words, its address and its value."""

    label: str
    action_id: str
    value: str


def restore_button(action_id: str, value: str) -> RestoreButton:
    """To the list or the job that the pressed button belonged to, or to the same press again."""
    try:
        job = decode(value, JobButton)
    except OutdatedButton:
        return RestoreButton("Try again", action_id, value)
    if job.cursor:
        page = ListButton(job.cursor, job.page).value
        return RestoreButton("Show the list again", buttons.JOBS_LIST_NEXT, page)
    # A delete is never offered without its question; opening the job leads there.
    return RestoreButton("Open the job", buttons.JOBS_GET_OPEN, value)


LOADING_AFTER_SECONDS = 1.5
LOADING_TIMEOUT_SECONDS = 3.0
"""How long a notice may be on its way; the answer itself waits for it, so as not to come first."""


@dataclass(frozen=True, slots=True)
class ClickedButton:
    """The button that was pressed; `message` is empty where Slack does not show it to the app."""

    action_id: str
    value: str
    block_id: str
    message: Mapping[str, Any]


def clicked_button(payload: Mapping[str, Any]) -> ClickedButton:
    """The press in a `block_actions` payload. Slack: an ephemeral message comes without itself."""
    button = payload["actions"][0]
    is_shown = not (payload.get("container") or {}).get("is_ephemeral")
    message = payload.get("message") or {}
    return ClickedButton(
        action_id=str(button.get("action_id")),
        value=str(button.get("value") or ""),
        block_id=str(button.get("block_id")),
        message=message if is_shown and message.get("blocks") else {},
    )


class MessageSender(Reply, Protocol):
    """Brings rendered messages to somebody, too."""

    async def send(self, message: Mapping[str, Any], *, replace: bool) -> None: ...

    async def post(self, message: Mapping[str, Any], *, replace: bool) -> bool:
        """To the response_url and nowhere else; whether Slack took it."""
        ...


class LoadingReply:
    """A reply that says so when it is long in coming.

    `replaced` is the press whose answer takes the place of its message: that message becomes a
    placeholder. Where it is None, as after a slash command (Slack has nothing there to replace),
    one more line comes.

    An answer that leaves the message alone after all, as an error does, gives it back: whole where
    Slack has shown it to us, else by a button below the answer.
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
        """Wait so long for the answer before saying that it is still to come."""
        self._notice = asyncio.create_task(self._notify(seconds))

    async def end(self) -> None:
        """Nothing is to come any more."""
        async with self._one_at_a_time:
            self._is_answered = True
        if self._notice:
            self._notice.cancel()

    async def __call__(self, template: str, /, *, replace: bool = False, **facts: Any) -> None:
        message: Mapping[str, Any] = self._renderer.render(template, **facts)
        async with self._one_at_a_time:
            self._is_answered = True
            if self._taken_away and not replace:
                message, replace = await self._give_back(self._taken_away, message)
            self._taken_away = None
            await self._reply.send(message, replace=replace)

    async def _notify(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        async with self._one_at_a_time:
            if self._is_answered:
                return
            # Also where it fails: a request that was cut off may have had its effect.
            self._taken_away = self._replaced
            await self._post(self._placeholder(), replace=self._replaced is not None)

    def _placeholder(self) -> Mapping[str, Any]:
        """The message with the pressed buttons replaced, or as much as can be said of it."""
        waiting: Mapping[str, Any] = self._renderer.render("loading.slow")
        if self._replaced is None or not self._replaced.message:
            return waiting
        block_id, message = self._replaced.block_id, self._replaced.message
        return _message(message, _with_block(message["blocks"], block_id, waiting["blocks"]))

    async def _give_back(
        self, press: ClickedButton, message: Mapping[str, Any]
    ) -> tuple[Mapping[str, Any], bool]:
        """What is left to be sent after that, and whether it replaces the placeholder."""
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
    """`blocks` with one of them replaced; the buttons of others may still be pressed."""
    changed: list[Any] = []
    for block in blocks:
        changed += instead if block.get("block_id") == block_id else [block]
    return changed


def _message(message: Mapping[str, Any], blocks: Any) -> dict[str, Any]:
    return {"text": message.get("text") or "…", "blocks": blocks}


class LoadingModal(Modal):
    """As `Modal`; only `bot.slack.dispatch` knows that it says so when it is long in coming."""

    def __init__(self, renderer: Renderer, request: SlackRequest) -> None:
        super().__init__(renderer, request)
        self._one_at_a_time = asyncio.Lock()
        self._is_answered = self._is_noted = False
        self._notice: asyncio.Task[None] | None = None

    def begin(self, seconds: float) -> None:
        """Wait so long for the answer before saying that it is still to come, in an open modal."""
        if self.is_open:
            self._notice = asyncio.create_task(self._notify(seconds))

    async def end(self) -> None:
        """Nothing is to come any more; what has had no answer is as before."""
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
        """The view as it was pressed, with these blocks on top; Slack may refuse it."""
        pressed: Mapping[str, Any] = self._request.view or {}
        view = {name: pressed[name] for name in VIEW_FIELDS if pressed.get(name)}
        try:
            await super().show(fit_payload({**view, "blocks": [*on_top, *pressed["blocks"]]}))
        except SLACK_ERRORS:
            return


logger = logging.getLogger(__name__)

MODAL_UPDATE_INTERVAL_SECONDS = 1.5


class ModalProgress:
    """Changes the modal by a template, not more often than every 1.5 s.

    Slack takes about a hundred changes of views a minute. One that it does not take is left out.
    """

    def __init__(
        self, modal: Modal, template: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._modal, self._template, self._clock = modal, template, clock
        self._told = clock()

    async def __call__(self, done: int, total: int | None) -> None:
        now = self._clock()
        if now - self._told < MODAL_UPDATE_INTERVAL_SECONDS:
            return
        self._told = now
        try:
            await self._modal.update(self._template, done=done, total=total)
        except SLACK_ERRORS as error:
            logger.info("progress could not be shown: %s", type(error).__name__)
