"""A modal whose button takes long to answer: what is shown stays, with a word on top of it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from bot.say.gate import gate
from bot.say.render import Say
from bot.slack.incoming import Incoming
from bot.slack.modals import CONTENT, Modal
from bot.slack.refusals import TROUBLE


class PatientModal(Modal):
    """As `Modal`; only `bot.slack.dispatch` knows that it says so when it is long in coming."""

    def __init__(self, say: Say, incoming: Incoming) -> None:
        super().__init__(say, incoming)
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
                waiting: Mapping[str, Any] = self._say.render("patience")
                await self._put(waiting["blocks"])

    async def _put(self, on_top: Sequence[Any]) -> None:
        """The view as it was pressed, with these blocks on top; Slack may refuse it."""
        pressed: Mapping[str, Any] = self._incoming.view or {}
        view = {name: pressed[name] for name in CONTENT if pressed.get(name)}
        try:
            await super().show(gate({**view, "blocks": [*on_top, *pressed["blocks"]]}))
        except TROUBLE:
            return
