"""Sends texts that are too long for a message as files, only to the user who asked."""

from __future__ import annotations

import re

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.errors import FileRefused
from bot.slack.errors import UploadRefused, error_code


class Files:
    """Shares files in the direct messages of one person with this app."""

    def __init__(self, client: AsyncWebClient, user_id: str) -> None:
        self._client, self._user_id = client, user_id

    async def share(self, name: str, text: str) -> str:
        """Where Slack shows the file; empty where it does not say. Raises FileRefused.

        Slack: completing an upload takes the id of a conversation, not of a user.
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
    """`job-68835cc3.json`: a name that any computer takes, whatever `name` is."""
    return f"{subject}-{re.sub('[^A-Za-z0-9]+', '-', name)[:60]}.{ending}"
