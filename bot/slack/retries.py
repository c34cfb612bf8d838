"""What is tried again when Slack says that it is too much."""

from __future__ import annotations

import math

from slack_sdk.http_retry.async_handler import AsyncRetryHandler
from slack_sdk.http_retry.builtin_async_handlers import (
    AsyncConnectionErrorRetryHandler,
    AsyncRateLimitErrorRetryHandler,
)
from slack_sdk.http_retry.builtin_interval_calculators import FixedValueRetryIntervalCalculator
from slack_sdk.http_retry.request import HttpRequest
from slack_sdk.http_retry.response import HttpResponse
from slack_sdk.http_retry.state import RetryState

CONNECT_AGAIN_SECONDS = 0.1  # a connection that died idle is replaced by a new one
LONGEST_PAUSE = 10.0  # seconds; a person waits for the answer


class BriefRateLimits(AsyncRateLimitErrorRetryHandler):
    """Waits as long as `Retry-After` says, unless that is too long for somebody who waits."""

    async def _can_retry_async(
        self,
        *,
        state: RetryState,
        request: HttpRequest,
        response: HttpResponse | None = None,
        error: Exception | None = None,
    ) -> bool:
        limited = response is not None and response.status_code == 429
        return limited and _pause(response) <= LONGEST_PAUSE


def retry_handlers() -> list[AsyncRetryHandler]:
    at_once = FixedValueRetryIntervalCalculator(CONNECT_AGAIN_SECONDS)
    return [
        AsyncConnectionErrorRetryHandler(interval_calculator=at_once),
        BriefRateLimits(max_retry_count=2),
    ]


def _pause(response: HttpResponse | None) -> float:
    """How many seconds slack-sdk would wait; for ever where it could not read that."""
    headers = response.headers if response else {}
    said = next((value for name, value in headers.items() if name.lower() == "retry-after"), ["1"])
    return int(said[0]) if said[0].isdecimal() else math.inf
