"""Modals: opened by a trigger, answered in the ack of their submission, changed afterwards."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any, TypeAlias, TypeVar

from slack_sdk.errors import SlackApiError

from bot.errors import TriggerExpired
from bot.rendering.blockkit.fit import fit_payload
from bot.rendering.renderer import Renderer
from bot.slack.errors import (
    SLACK_ERRORS,
    ModalStackFull,
    TriggerSpent,
    ViewGone,
    argument_errors,
    error_code,
    retry_after,
)
from bot.slack.request import SlackRequest

logger = logging.getLogger(__name__)

VIEW_FIELDS = (
    "type",
    "callback_id",
    "title",
    "submit",
    "close",
    "private_metadata",
    "clear_on_close",
    "notify_on_close",
    "external_id",
)
"""Slack: what else a view says of itself is not taken back."""

END_OF_ERROR = {"type": "divider", "block_id": "end_of_error"}
"""Stands between an error and the content of the modal, which replaces the error later."""

Ack: TypeAlias = Callable[..., Awaitable[Any]]
Result = TypeVar("Result")

ACK_WORK_SECONDS = 2.0
"""Slack waits 3 s for the ack of a submission; the rest is for the network."""


class Modal:
    """The modal of one request: the one it opens, or the one it came from."""

    def __init__(self, renderer: Renderer, request: SlackRequest) -> None:
        self._renderer, self._request = renderer, request
        view = request.view if request.is_in_modal else None
        self.id = str(view["id"]) if view else ""
        self._hash = str(view.get("hash") or "") if view else ""

    @property
    def is_open(self) -> bool:
        """Whether there is a modal that can be changed."""
        return bool(self.id)

    def snapshot(self) -> dict[str, Any]:
        """The modal that the request came from, to be changed later by the modal above it."""
        return {"id": self.id, "hash": self._hash, "view": self._pressed_view()}

    async def update_other(self, view_id: str, view: Mapping[str, Any], hash_: str = "") -> bool:
        """Replace the content of another modal; False if it was closed, or is not `hash_` anymore.

        If Slack refuses the change for another reason, the modal stays as it is.
        """
        await self._request.until_answered()
        try:
            await self._request.client.views_update(
                view_id=view_id, hash=hash_ or None, view=dict(view)
            )
        except SLACK_ERRORS as error:
            logger.info("a modal below stays as it is: %s", type(error).__name__)
            return False
        return True

    def _pressed_view(self) -> dict[str, Any]:
        """The content of the modal that the request came from, in a form that Slack takes back."""
        view = self._request.view or {}
        return {name: view[name] for name in (*VIEW_FIELDS, "blocks") if view.get(name)}

    def _with_blocks_on_top(self, blocks: Sequence[Any]) -> dict[str, Any]:
        """The modal that the request came from, with these blocks above its own."""
        view = self._pressed_view()
        return fit_payload({**view, "blocks": [*blocks, *_without_error(view["blocks"])]})

    async def show_error(self, message: Mapping[str, Any]) -> bool:
        """Show an error above the content of the modal that the request came from.

        It is shown alone in a modal that the request has opened. False as for `update`.
        """
        if self.id == self._request.view_id:
            return await self.show(self._with_blocks_on_top([*message["blocks"], END_OF_ERROR]))
        return await self.show(_as_modal(message))

    async def open(self, template: str, **facts: object) -> None:
        """Open a modal by the trigger of the request, on top of the one that it came from.

        Replaces that one if Slack allows nothing on top of it: three are open already, or the
        trigger is older than 3 s. Raises TriggerExpired if there is nothing to replace.
        """
        await self.open_view(self._renderer.render(template, **facts))

    async def open_view(self, view: dict[str, Any]) -> None:
        """As `open`, with a rendered view."""
        client = self._request.client
        open_ = client.views_push if self.is_open else client.views_open
        try:
            opened = await open_(trigger_id=self._request.trigger_id, view=view)
        except SlackApiError as error:
            if not ModalStackFull.includes(error) and not _is_trigger_expired(error):
                raise
            if not self.is_open:
                raise TriggerExpired from error
            await self.show(view)
            return
        self._is_now(opened["view"])

    def render(self, template: str, **facts: object) -> dict[str, Any]:
        """A message or view, for `update_other` or to be sent elsewhere."""
        rendered: dict[str, Any] = self._renderer.render(template, **facts)
        return rendered

    async def update(self, template: str, **facts: object) -> bool:
        """Change the modal that was opened, or that the request came from.

        False where nobody will see that: the modal was closed, or shows something newer.
        """
        return await self.show(self._renderer.render(template, **facts))

    async def try_update(self, template: str, **facts: object) -> bool:
        """As `update`, but what Slack says to it does not keep the work from going on."""
        try:
            return await self.update(template, **facts)
        except SLACK_ERRORS as error:
            logger.warning("a modal could not be changed: %s", type(error).__name__)
            return False

    async def show(self, view: dict[str, Any]) -> bool:
        """Put a rendered view in its place; as `update`."""
        await self._request.until_answered()
        try:
            shown = await self._request.client.views_update(
                view_id=self.id, hash=self._hash or None, view=view
            )
        except SlackApiError as error:
            if not ViewGone.includes(error):
                raise
            logger.info("a modal is not there to be changed: %s", error_code(error))
            return False
        self._is_now(shown["view"])
        return True

    def _is_now(self, view: Mapping[str, Any]) -> None:
        """Slack: `hash` names this very content, so that nothing newer is overwritten."""
        self.id, self._hash = str(view["id"]), str(view.get("hash") or "")


def _without_error(blocks: Sequence[Any]) -> Sequence[Any]:
    """The content of a modal without the error that an earlier request has put above it."""
    ids = [block.get("block_id") for block in blocks]
    if END_OF_ERROR["block_id"] not in ids:
        return blocks
    return blocks[ids.index(END_OF_ERROR["block_id"]) + 1 :]


def _as_modal(message: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "modal",
        "title": {"type": "plain_text", "text": "Emporix Jobs"},
        "close": {"type": "plain_text", "text": "Close"},
        "blocks": message["blocks"],
    }


def _is_trigger_expired(error: SlackApiError) -> bool:
    """Whether the trigger cannot be used any more; also after a pause that Slack asks for."""
    says_trigger = error_code(error) == "invalid_arguments" and "trigger" in argument_errors(error)
    return TriggerSpent.includes(error) or says_trigger or retry_after(error) is not None


class SubmittedModal(Modal):
    """A modal whose submission waits for its ack: the first answer goes there.

    `answered` is set as soon as that has happened; what is said later goes by `views.update`.
    """

    def __init__(self, renderer: Renderer, request: SlackRequest, ack: Ack) -> None:
        super().__init__(renderer, request)
        self._ack = ack
        self.answered = asyncio.Event()

    async def errors(self, template: str, **facts: object) -> None:
        """Leave the modal as it is, with words under its fields: the template's `errors`.

        Slack knows field errors only in the ack of a submission.
        """
        await self._answer(self._renderer.render(template, **facts))

    async def push(self, template: str, **facts: object) -> None:
        """Put another modal on top of this one; its own requests change it from then on."""
        view = self._renderer.render(template, **facts)
        await self._answer({"response_action": "push", "view": view})

    async def show_error(self, message: Mapping[str, Any]) -> bool:
        """Show an error in place of the form."""
        return await self.show(_as_modal(message))

    async def show(self, view: dict[str, Any]) -> bool:
        if self.answered.is_set():
            return await super().show(view)
        await self._answer({"response_action": "update", "view": view})
        return True

    async def within_ack(
        self, work: Coroutine[Any, Any, Result], loading: str, **facts: object
    ) -> Result:
        """The result of `work`; if it takes longer than the ack may, the modal shows `loading`.

        Raises what `work` raises; field errors are still possible unless `answered` is set.
        """
        task = asyncio.create_task(work)
        done, _ = await asyncio.wait({task}, timeout=ACK_WORK_SECONDS)
        if not done:
            await self.update(loading, **facts)
        return await task

    async def end_with(self, template: str, **facts: object) -> None:
        """Close the modal, or show a message in it if it shows a loading state by now."""
        if self.answered.is_set():
            await self.show(as_modal(self._renderer.render(template, **facts)))
        else:
            await self.close()

    async def close(self) -> None:
        """Close the modal, unless it has been answered otherwise."""
        if not self.answered.is_set():
            await self._answer({})

    async def _answer(self, body: dict[str, Any]) -> None:
        await self._ack(body or "")
        self._hash = ""  # what it is from now on, Slack does not say
        self.answered.set()


def as_modal(message: dict[str, Any]) -> dict[str, Any]:
    """A modal with the blocks of a message."""
    return {
        "type": "modal",
        "title": {"type": "plain_text", "text": "Emporix Jobs"},
        "close": {"type": "plain_text", "text": "Close"},
        "blocks": message["blocks"],
    }


class OptionsReply:
    """The answer to what is typed into an external select; Slack takes it only in the ack."""

    def __init__(self, renderer: Renderer, ack: Ack) -> None:
        self._renderer, self._ack = renderer, ack
        self._is_made = False

    async def __call__(self, template: str, /, **facts: object) -> None:
        """Offer the `options` of a template."""
        self._is_made = True
        await self._ack(self._renderer.render(template, **facts))

    async def end(self) -> None:
        """Offer nothing, unless something has been offered."""
        if not self._is_made:
            await self._ack(options=[])
