"""Modals: opened by a trigger, answered in the ack of their submission, changed afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

from slack_sdk.errors import SlackApiError

from bot.errors import TriggerExpired
from bot.say.render import Say
from bot.slack.incoming import Incoming
from bot.slack.refusals import word

SPENT_TRIGGER = {"expired_trigger_id", "exchanged_trigger_id", "trigger_expired"}

Ack: TypeAlias = Callable[..., Awaitable[Any]]


class Modal:
    """The modal of one request: the one it opens, or the one it came from."""

    def __init__(self, say: Say, incoming: Incoming) -> None:
        self._say, self._incoming = say, incoming
        self._view_id = incoming.view_id if incoming.is_in_modal else ""

    @property
    def is_open(self) -> bool:
        """Whether there is a modal that can be changed."""
        return bool(self._view_id)

    async def open(self, template: str, **facts: object) -> None:
        """Open a modal by the trigger of the request; raises TriggerExpired after 3 s."""
        view = self._say.render(template, **facts)
        try:
            opened = await self._incoming.client.views_open(
                trigger_id=self._incoming.trigger_id, view=view
            )
        except SlackApiError as error:
            if word(error) in SPENT_TRIGGER:
                raise TriggerExpired from error
            raise
        self._view_id = str(opened["view"]["id"])

    async def update(self, template: str, **facts: object) -> None:
        """Change the modal that was opened, or that the request came from."""
        await self.show(self._say.render(template, **facts))

    async def show(self, view: dict[str, Any]) -> None:
        """Put a rendered view in its place."""
        await self._incoming.until_answered()
        await self._incoming.client.views_update(view_id=self._view_id, view=view)


class SubmittedModal(Modal):
    """A modal whose submission waits for its ack: the first answer goes there.

    `answered` is set as soon as that has happened; what is said later goes by `views.update`.
    """

    def __init__(self, say: Say, incoming: Incoming, ack: Ack) -> None:
        super().__init__(say, incoming)
        self._ack = ack
        self.answered = asyncio.Event()

    async def errors(self, template: str, **facts: object) -> None:
        """Leave the modal as it is, with words under its fields: the template's `errors`.

        Slack knows field errors only in the ack of a submission.
        """
        await self._answer(self._say.render(template, **facts))

    async def show(self, view: dict[str, Any]) -> None:
        if self.answered.is_set():
            await super().show(view)
        else:
            await self._answer({"response_action": "update", "view": view})

    async def close(self) -> None:
        """Close the modal, unless it has been answered otherwise."""
        if not self.answered.is_set():
            await self._answer({})

    async def _answer(self, body: dict[str, Any]) -> None:
        await self._ack(body or "")
        self.answered.set()
