"""Why Slack refused a call of the Web API, and whether it is certain that it did."""

from __future__ import annotations

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError

TROUBLE = (SlackClientError, aiohttp.ClientError, TimeoutError)
"""What a call of the Web API raises: Slack refused it, or was not reached, or not in time."""

AGAIN_SECONDS = 15.0
"""After which a task asks again that Slack did not answer: nobody waits, and nothing is lost."""

LEAST_PAUSE = 1.0  # seconds, where Slack does not say how long

# Slack: with these "it's possible some aspect of the operation succeeded before the error".
NOT_CERTAIN = {"", "fatal_error", "internal_error", "request_timeout", "service_unavailable"}


def word(error: SlackApiError) -> str:
    """ "channel_not_found"; empty where the answer was a proxy's page or else not Slack's.

    slack-sdk raises the same error for both, and keeps very different things in its `response`.
    """
    data = getattr(error.response, "data", None)
    return str(data.get("error") or "") if isinstance(data, dict) else ""


def named(error: Exception) -> str:
    """What Slack calls it, or else what kind of error it is: for the log."""
    return (word(error) if isinstance(error, SlackApiError) else "") or type(error).__name__


def limited(error: Exception) -> float | None:
    """How many seconds Slack asks to wait for; None where it was not too much for it."""
    if not isinstance(error, SlackApiError):
        return None
    if status(error) != 429 and word(error) not in ("ratelimited", "rate_limited"):
        return None
    headers = getattr(error.response, "headers", None) or {}
    after = next((value for name, value in headers.items() if name.lower() == "retry-after"), "")
    return max(LEAST_PAUSE, float(after) if str(after).isdecimal() else LEAST_PAUSE)


def passes_in(error: Exception) -> float | None:
    """Seconds after which a question may be asked again; None where Slack has said no."""
    if (seconds := limited(error)) is not None:
        return seconds
    if isinstance(error, SlackApiError) and is_certain(error):
        return None
    return AGAIN_SECONDS


def is_certain(error: Exception) -> bool:
    """Whether the call has had no effect: Slack says no, or was never reached."""
    if isinstance(error, SlackApiError):
        return status(error) < 500 and word(error) not in NOT_CERTAIN
    return isinstance(error, aiohttp.ClientConnectorError)


def status(error: SlackApiError) -> int:
    """The HTTP status; 500 where slack-sdk does not say."""
    found = getattr(error.response, "status_code", None)
    return found if isinstance(found, int) else 500
