"""How far something is, shown in a modal while it goes on."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from bot.slack.modals import Modal
from bot.slack.refusals import TROUBLE

logger = logging.getLogger(__name__)

EVERY_SECONDS = 1.5


class Progress:
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
        if now - self._told < EVERY_SECONDS:
            return
        self._told = now
        try:
            await self._modal.update(self._template, done=done, total=total)
        except TROUBLE as error:
            logger.info("progress could not be shown: %s", type(error).__name__)
