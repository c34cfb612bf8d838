"""Sends texts that are too long for a message as files, only to the user who asked."""

from __future__ import annotations

import re

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.errors import FileRefused
from bot.slack.errors import UploadRefused, error_code


class Files:
    """Shares files in the app's direct messages with one user."""

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
