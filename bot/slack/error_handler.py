"""Handles all errors of listeners and shows each to the user as a message."""

from __future__ import annotations

import logging
from dataclasses import asdict
from typing import Any

from slack_sdk.errors import SlackClientError

from bot.errors import BotError, SlackFailed
from bot.metrics import UNEXPECTED
from bot.rendering.renderer import Renderer
from bot.slack.errors import SLACK_ERRORS, classify, describe
from bot.slack.modals import Modal
from bot.slack.reply import Reply

logger = logging.getLogger(__name__)


class ErrorHandler:
    """Shows errors to the user, as a message or in the modal."""

    def __init__(self, renderer: Renderer) -> None:
        self._renderer = renderer

    async def show(self, error: Exception, reference: str, *surfaces: Reply | Modal) -> None:
        """Show the error on the first of these surfaces that is still there.

        An unexpected error includes `reference`, which is also in the log.
        """
        template, facts = _explain(error, reference)
        for surface in surfaces:
            if await self._show_on(surface, template, facts):
                return

    async def _show_on(self, surface: Reply | Modal, template: str, facts: dict[str, Any]) -> bool:
        """Returns False if the modal was closed, or Slack fails."""
        try:
            if isinstance(surface, Modal):
                return await surface.show_error(self._renderer.render(template, **facts))
            await surface(template, **facts)
        except SLACK_ERRORS as undeliverable:
            logger.error("could not answer the user: %s", describe(undeliverable))
            return False
        return True

    def log(self, error: Exception) -> None:
        """Log an error that can't be shown to a user."""
        _explain(error, "")


def outcome_of(error: BaseException) -> str:
    """The name of an error in metrics: its template."""
    if isinstance(error, BotError):
        return error.template
    return SlackFailed.template if isinstance(error, SLACK_ERRORS) else UNEXPECTED


def _explain(error: Exception, reference: str) -> tuple[str, dict[str, Any]]:
    if isinstance(error, BotError):
        logger.info("answered with %s: %s", error.template, error)
        return f"errors/{error.template}", {"error": error}
    # The texts of slack-sdk's errors contain the sent data, so only the type and code are logged.
    logger.error(
        "unexpected: %s", describe(error), exc_info=not isinstance(error, SlackClientError)
    )
    if isinstance(error, SLACK_ERRORS):
        slack_failed = SlackFailed(**asdict(classify(error)), reference=reference)
        return f"errors/{slack_failed.template}", {"error": slack_failed}
    return "errors/unknown", {"reference": reference}
