"""Retry handlers for the Slack Web API client."""

from __future__ import annotations

import asyncio

from slack_sdk.http_retry.async_handler import AsyncRetryHandler
from slack_sdk.http_retry.builtin_async_handlers import AsyncConnectionErrorRetryHandler
from slack_sdk.http_retry.builtin_interval_calculators import FixedValueRetryIntervalCalculator
from slack_sdk.http_retry.request import HttpRequest
from slack_sdk.http_retry.response import HttpResponse
from slack_sdk.http_retry.state import RetryState

from bot.slack.errors import retry_after_header

RECONNECT_INTERVAL_SECONDS = 0.1  # the delay after an idle connection was closed
MAX_RETRY_AFTER_SECONDS = 10.0  # the user is waiting for the answer

TRIGGER_METHODS = ("/views.open", "/views.push")
"""Methods that are not retried after a rate limit: a Slack trigger expires after 3 s."""


class BriefRateLimitRetries(AsyncRetryHandler):
    """Waits for `Retry-After`, unless it is too long for a waiting user."""

    async def _can_retry_async(
        self,
        *,
        state: RetryState,
        request: HttpRequest,
        response: HttpResponse | None = None,
        error: Exception | None = None,
    ) -> bool:
        if response is None or response.status_code != 429 or request.url.endswith(TRIGGER_METHODS):
            return False
        return retry_after_header(response.headers) <= MAX_RETRY_AFTER_SECONDS

    async def prepare_for_next_attempt_async(
        self,
        *,
        state: RetryState,
        request: HttpRequest,
        response: HttpResponse | None = None,
        error: Exception | None = None,
    ) -> None:
        state.next_attempt_requested = True
        await asyncio.sleep(retry_after_header(response.headers if response else {}))
        state.increment_current_attempt()


def retry_handlers() -> list[AsyncRetryHandler]:
    at_once = FixedValueRetryIntervalCalculator(RECONNECT_INTERVAL_SECONDS)
    return [
        AsyncConnectionErrorRetryHandler(interval_calculator=at_once),
        BriefRateLimitRetries(max_retry_count=2),
    ]
