"""Opens modals with a trigger, answers their submissions in the ack, and updates them later."""

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
"""The fields to send back with `blocks`. Slack: a view's other fields are not accepted."""

END_OF_ERROR = {"type": "divider", "block_id": "end_of_error"}
"""Separates an error from the modal's own content, so that the error can be removed later."""

Ack: TypeAlias = Callable[..., Awaitable[Any]]
Result = TypeVar("Result")

ACK_WORK_SECONDS = 2.0
"""Slack waits 3 s for the ack of a submission; the rest is for the network."""


class Modal:
    """The modal that a request opens or comes from."""

    def __init__(self, renderer: Renderer, request: SlackRequest) -> None:
        self._renderer, self._request = renderer, request
        view = request.view if request.is_in_modal else None
        self.id = str(view["id"]) if view else ""
        self._hash = str(view.get("hash") or "") if view else ""

    @property
    def is_open(self) -> bool:
        """Whether there is a modal that can be updated."""
        return bool(self.id)

    def snapshot(self) -> dict[str, Any]:
        """The modal that the request came from, for the modal above it to update later."""
        return {"id": self.id, "hash": self._hash, "view": self._clicked_view()}

    async def update_other(self, view_id: str, view: Mapping[str, Any], hash_: str = "") -> bool:
        """Replace the content of another modal; False if Slack refuses, and it stays unchanged.

        Slack refuses, for example, if the modal was closed or its hash is no longer `hash_`.
        """
        await self._request.until_answered()
        try:
            await self._request.client.views_update(
                view_id=view_id, hash=hash_ or None, view=dict(view)
            )
        except SLACK_ERRORS as error:
            logger.info("the modal below was not updated: %s", type(error).__name__)
            return False
        return True

    def _clicked_view(self) -> dict[str, Any]:
        """The content of the modal that the request came from, in a form that Slack accepts."""
        view = self._request.view or {}
        return {name: view[name] for name in (*VIEW_FIELDS, "blocks") if view.get(name)}

    def _with_blocks_on_top(self, blocks: Sequence[Any]) -> dict[str, Any]:
        """The modal that the request came from, with these blocks above its own."""
        view = self._clicked_view()
        return fit_payload({**view, "blocks": [*blocks, *_without_error(view["blocks"])]})

    async def show_error(self, message: Mapping[str, Any]) -> bool:
        """Show an error above the content of the modal that the request came from.

        In a modal that the request has opened, the error is shown alone. Returns False as `update`
        does.
        """
        if self.id == self._request.view_id:
            return await self.show(self._with_blocks_on_top([*message["blocks"], END_OF_ERROR]))
        return await self.show(_as_modal(message))

    async def open(self, template: str, **facts: object) -> None:
        """Open a modal with the request's trigger, on top of the modal that the request came from.

        Replaces that modal if Slack can't open another: three are already open, or the trigger is
        older than 3 s. Raises TriggerExpired if there is no modal to replace.
        """
        await self.open_view(self._renderer.render(template, **facts))

    async def open_view(self, view: dict[str, Any]) -> None:
        """Like `open`, with a rendered view."""
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
        self._store_view(opened["view"])

    def render(self, template: str, **facts: object) -> dict[str, Any]:
        """Render a message or view, for `update_other` or to send it elsewhere."""
        rendered: dict[str, Any] = self._renderer.render(template, **facts)
        return rendered

    async def update(self, template: str, **facts: object) -> bool:
        """Update the modal that the request opened or came from.

        Returns False if the modal was closed or shows newer content.
        """
        return await self.show(self._renderer.render(template, **facts))

    async def try_update(self, template: str, **facts: object) -> bool:
        """Like `update`, but an error from Slack is only logged; returns False after one."""
        return await self._try_show(self._renderer.render(template, **facts))

    async def try_append(self, view: Mapping[str, Any], template: str, **facts: object) -> bool:
        """Like `try_update`, with `view` and the template's blocks below those of `view`."""
        blocks = [*view["blocks"], *self.render(template, **facts)["blocks"]]
        return await self._try_show(fit_payload({**view, "blocks": blocks}))

    async def _try_show(self, view: dict[str, Any]) -> bool:
        try:
            return await self.show(view)
        except SLACK_ERRORS as error:
            logger.warning("a modal could not be updated: %s", type(error).__name__)
            return False

    async def show(self, view: dict[str, Any]) -> bool:
        """Like `update`, with a rendered view."""
        await self._request.until_answered()
        try:
            shown = await self._request.client.views_update(
                view_id=self.id, hash=self._hash or None, view=view
            )
        except SlackApiError as error:
            if not ViewGone.includes(error):
                raise
            logger.info("a modal is closed or shows newer content: %s", error_code(error))
            return False
        self._store_view(shown["view"])
        return True

    def _store_view(self, view: Mapping[str, Any]) -> None:
        """Store the id and hash of the view.

        Slack: `hash` identifies the content, so that newer content is not overwritten.
        """
        self.id, self._hash = str(view["id"]), str(view.get("hash") or "")


def _without_error(blocks: Sequence[Any]) -> Sequence[Any]:
    """The blocks of a modal without the error that an earlier request showed above them."""
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
    """Whether the trigger can't be used anymore, which is also assumed after a rate limit."""
    says_trigger = error_code(error) == "invalid_arguments" and "trigger" in argument_errors(error)
    return TriggerSpent.includes(error) or says_trigger or retry_after(error) is not None


class SubmittedModal(Modal):
    """A submitted modal: the first answer is sent in the ack of the submission.

    `answered` is set once the ack is sent; later answers use `views.update`.
    """

    def __init__(self, renderer: Renderer, request: SlackRequest, ack: Ack) -> None:
        super().__init__(renderer, request)
        self._ack = ack
        self.answered = asyncio.Event()

    async def errors(self, template: str, **facts: object) -> None:
        """Keep the modal open and show the template's `errors` under its fields.

        Slack: field errors are possible only in the ack of a submission.
        """
        await self._answer(self._renderer.render(template, **facts))

    async def push(self, template: str, **facts: object) -> None:
        """Open another modal on top of this one; that modal's own requests update it later."""
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
        """The result of `work`; if it isn't ready in time for the ack, the modal shows `loading`.

        Raises the errors of `work`; field errors are still possible unless `answered` is set.
        """
        task = asyncio.create_task(work)
        done, _ = await asyncio.wait({task}, timeout=ACK_WORK_SECONDS)
        if not done:
            await self.update(loading, **facts)
        return await task

    async def end_with(self, template: str, **facts: object) -> None:
        """Close the modal, or show a message in it if the ack was already sent."""
        if self.answered.is_set():
            await self.show(as_modal(self._renderer.render(template, **facts)))
        else:
            await self.close()

    async def close(self) -> None:
        """Close the modal, unless its submission was already answered."""
        if not self.answered.is_set():
            await self._answer({})

    async def _answer(self, body: dict[str, Any]) -> None:
        await self._ack(body or "")
        self._hash = ""  # Slack doesn't return the new hash in the ack
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
    """The options for text typed into an external select; Slack accepts them only in the ack."""

    def __init__(self, renderer: Renderer, ack: Ack) -> None:
        self._renderer, self._ack = renderer, ack
        self._is_made = False

    async def __call__(self, template: str, /, **facts: object) -> None:
        """Send the `options` of a template."""
        self._is_made = True
        await self._ack(self._renderer.render(template, **facts))

    async def end(self) -> None:
        """Send an empty list, unless options were already sent."""
        if not self._is_made:
            await self._ack(options=[])
