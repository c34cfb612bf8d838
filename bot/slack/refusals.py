"""Slack's word for why it refused a call of the Web API."""

from __future__ import annotations

from slack_sdk.errors import SlackApiError


def word(error: SlackApiError) -> str:
    """ "channel_not_found"; empty where the answer was a proxy's page or else not Slack's.

    slack-sdk raises the same error for both, and keeps very different things in its `response`.
    """
    data = getattr(error.response, "data", None)
    return str(data.get("error") or "") if isinstance(data, dict) else ""
