"""For the Slack Web API client: retry handlers, and files for one user."""

from __future__ import annotations

import asyncio
import re

from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.async_handler import AsyncRetryHandler
from slack_sdk.http_retry.builtin_async_handlers import AsyncConnectionErrorRetryHandler
from slack_sdk.http_retry.builtin_interval_calculators import FixedValueRetryIntervalCalculator
from slack_sdk.http_retry.request import HttpRequest
from slack_sdk.http_retry.response import HttpResponse
from slack_sdk.http_retry.state import RetryState
from slack_sdk.web.async_client import AsyncWebClient

from bot.errors import FileRefused
from bot.slack.errors import UploadRefused, error_code, retry_after_header

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


class Files:
    """Shares texts that are too long for a message as files, in direct messages with one user."""

    def __init__(self, client: AsyncWebClient, user_id: str) -> None:
        self._client, self._user_id = client, user_id

    async def share(self, name: str, text: str) -> str:
        """Upload a file; returns its permalink, or "" if Slack returns none. Raises FileRefused.

        Slack: completing an upload needs the id of a conversation, not of a user.
        """
        try:
            opened = await self._client.conversations_open(users=self._user_id)
            shared = await self._client.files_upload_v2(
                channel=opened["channel"]["id"], filename=name, title=name, content=text
            )
        except SlackApiError as error:
            if UploadRefused.includes(error):
                raise FileRefused(error_code(error)) from error
            raise
        file = shared.get("file") or {}
        return str(file.get("permalink") or "")


def file_name(subject: str, name: str, ending: str) -> str:
    """A file name that is valid everywhere, such as `job-68835cc3.json`."""
    return f"{subject}-{re.sub('[^A-Za-z0-9]+', '-', name)[:60]}.{ending}"
