"""The Bolt app: registers seven catch-all listeners; routing is in `bot.slack.dispatch`."""

from __future__ import annotations

import logging
import re

from slack_bolt.app.async_app import AsyncApp
from slack_bolt.error import BoltUnhandledRequestError
from slack_bolt.response import BoltResponse
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.dispatch import Dispatch, NotAcknowledged
from bot.slack.verification import StaticAuthorization

logger = logging.getLogger(__name__)

SLASH_COMMAND = "/emporix"
ANY_ID = re.compile("")


def build_app(dispatch: Dispatch, client: AsyncWebClient, bot_token: str) -> AsyncApp:
    """Build the Bolt app with our own `authorize`; `bot.web` has already verified the signature.

    With `process_before_response`, Bolt doesn't poll for the ack every 10 ms, which would delay
    each click. In return, no listener may do slow work before it returns.
    """
    app = AsyncApp(
        # Bolt's loggers take their level from this one; by default they would take the root
        # logger's, and log whole requests at DEBUG.
        logger=logging.getLogger("slack_bolt"),
        client=client,
        authorize=StaticAuthorization(bot_token),
        process_before_response=True,
        request_verification_enabled=False,
        ignoring_self_events_enabled=False,
        attaching_function_token_enabled=False,
        raise_error_for_unhandled_request=True,
    )
    app.command(SLASH_COMMAND)(dispatch.command)
    app.action(ANY_ID)(dispatch.action)
    app.view(ANY_ID)(dispatch.submission)
    app.view_closed(ANY_ID)(dispatch.closing)
    app.shortcut(ANY_ID)(dispatch.shortcut)
    app.options(ANY_ID)(dispatch.options)
    for event_type in dispatch.registry.events:
        app.event(event_type)(dispatch.event)
    app.error(_handle_error)
    return app


async def _handle_error(error: Exception) -> BoltResponse:
    """Answer requests without a listener, and unexpected errors, with an HTTP status."""
    if isinstance(error, BoltUnhandledRequestError):
        logger.info("no listener for this request type")
        return BoltResponse(status=404, body="")
    if isinstance(error, NotAcknowledged):
        return BoltResponse(status=503, body="")
    logger.error("unexpected", exc_info=error)
    return BoltResponse(status=500, body="")
