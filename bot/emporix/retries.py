"""Repeats idempotent calls after temporary failures, within a time budget."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

import httpx
from stamina import AsyncRetryingCaller
from stamina.instrumentation import RetryDetails, set_on_retry_hooks

from bot.errors import EmporixError, EmporixFailed, ProxyAnswered, RateLimited

logger = logging.getLogger(__name__)

CALL_BUDGET_SECONDS = 8.0
"""Seconds for a whole call, all attempts and waits together."""

MAX_CALL_ATTEMPTS = 3
FIRST_RETRY_WAIT_SECONDS, MAX_RETRY_WAIT_SECONDS, RETRY_JITTER_SECONDS = 0.2, 1.5, 0.3
MIN_ANSWER_SECONDS = 1.0
"""Seconds that must be left for an answer after Emporix's Retry-After has passed."""

TEMPORARY_STATUSES = {408, 421, 425, 502, 503, 504, 507, *range(520, 527)}
"""HTTP: the same request may be sent again. 520 to 526: Cloudflare, about what is behind it."""

T = TypeVar("T")

_attempts = AsyncRetryingCaller(
    attempts=MAX_CALL_ATTEMPTS,
    timeout=None,  # the budget below ends a running attempt too
    wait_initial=FIRST_RETRY_WAIT_SECONDS,
    wait_max=MAX_RETRY_WAIT_SECONDS,
    wait_jitter=RETRY_JITTER_SECONDS,
)


async def call_with_retries(
    call: Callable[[], Awaitable[T]], *, reads: bool = True, budget: float = CALL_BUDGET_SECONDS
) -> T:
    """What `call` gives, repeated on passing failures; `call` must be idempotent.

    `reads` tells that it changes nothing, so that it is repeated after a 500 too. Raises what the
    last attempt raised, or TimeoutError after `budget` seconds.
    """
    loop = asyncio.get_running_loop()
    end = loop.time() + budget

    def worth_another(error: Exception) -> bool | float:
        return _retry_wait(error, reads=reads, left=end - loop.time())

    async with asyncio.timeout_at(end):
        return await _attempts(worth_another, call)


def _log_retry(details: RetryDetails) -> None:
    cause = type(details.caused_by).__name__
    logger.info("trying again in %.1f s after %s", details.wait_for, cause)


# By default stamina prints to standard output, past the log and its reference.
set_on_retry_hooks([_log_retry])


def _retry_wait(error: Exception, *, reads: bool, left: float) -> bool | float:
    """Whether another attempt is worth it, or the seconds that Emporix wants to be left alone."""
    match error:
        case EmporixFailed(status=status) | ProxyAnswered(status=status):
            passes = status in TEMPORARY_STATUSES or (reads and status == 500)
        case httpx.UnsupportedProtocol():
            passes = False
        case _:
            passes = isinstance(error, RateLimited | httpx.TransportError)
    if passes and isinstance(error, EmporixError) and (wait := error.retry_after) is not None:
        return wait if wait + MIN_ANSWER_SECONDS <= left else False
    return passes
