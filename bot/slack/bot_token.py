"""Whether the app is installed: whether Slack accepts its bot token."""

from __future__ import annotations

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.refusals import passes_in


class BotToken:
    """Slack: auth.test; needs no scope."""

    def __init__(self, client: AsyncWebClient) -> None:
        self._client = client

    async def team(self) -> str:
        """The workspace of the token; empty if Slack does not accept it.

        Raises what Slack's trouble is called where that is not known.
        """
        try:
            answer = await self._client.auth_test()
        except SlackApiError as error:
            if passes_in(error) is not None:
                raise
            return ""
        return str(answer["team_id"])
