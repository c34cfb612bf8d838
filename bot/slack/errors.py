"""Classifies the errors of Slack's Web API: temporary, permanent, or of unknown outcome."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import ClassVar, Literal

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError

from bot.backoff import MAX_SLACK_PAUSE_SECONDS, MIN_PAUSE_SECONDS, parse_retry_after
from bot.http_session import is_certificate_untrusted

SLACK_ERRORS = (SlackClientError, aiohttp.ClientError, TimeoutError)
"""Errors of Web API calls: Slack refused, was unreachable, or timed out."""

SLACK_RETRY_SECONDS = 15.0
"""The delay before a task retries, if Slack doesn't say how long to wait."""

MIN_RETRY_AFTER_SECONDS = MIN_PAUSE_SECONDS
MAX_RETRY_AFTER_SECONDS = 10.0  # while the user is waiting for the answer


class ErrorGroup:
    """A group of Web API error codes that the app handles in the same way."""

    codes: ClassVar[frozenset[str]]

    @classmethod
    def includes(cls, error: BaseException | None) -> bool:
        return isinstance(error, SlackApiError) and error_code(error) in cls.codes


class RateLimits(ErrorGroup):
    codes = frozenset({"ratelimited", "rate_limited"})


class Uncertain(ErrorGroup):
    """Slack: "it's possible some aspect of the operation succeeded before the error"."""

    codes = frozenset({"fatal_error", "internal_error", "request_timeout", "service_unavailable"})


class WorkspaceMoving(ErrorGroup):
    """Slack: the workspace is being moved; try again later."""

    codes = frozenset({"team_added_to_org", "org_login_required"})


class InvalidToken(ErrorGroup):
    """The token doesn't work until it is replaced or the app is reinstalled."""

    codes = frozenset(
        {"account_inactive", "invalid_auth", "not_authed", "token_expired", "token_revoked"}
    )


class AppRefused(ErrorGroup):
    """The operator or a workspace administrator must fix the app."""

    codes = frozenset(
        {
            "access_denied",
            "ekm_access_denied",
            "enterprise_is_restricted",
            "missing_scope",
            "no_permission",
            "not_allowed_token_type",
            "team_access_not_granted",
            "two_factor_setup_required",
            *InvalidToken.codes,
        }
    )


class ConversationRefused(ErrorGroup):
    """The app can't post to the conversation. Other such codes start with CHANNEL_PREFIX."""

    codes = frozenset(
        {
            "as_user_not_supported",
            "cannot_dm_bot",
            "cannot_reply_to_message",
            "channel_is_limited_access",
            "channel_not_found",
            "is_archived",
            "is_inactive",
            "messages_tab_disabled",
            "not_in_channel",
            "user_disabled",
            "user_is_bot",
            "user_is_restricted",
            "user_not_found",
            "user_not_in_channel",
            "user_not_visible",
        }
    )


class ChannelNotVisible(ErrorGroup):
    """A private channel without the app, or a channel that doesn't exist."""

    codes = frozenset({"channel_not_found", "method_not_supported_for_channel_type"})


class AudienceUnknown(ErrorGroup):
    """The audience of the channel can't be determined."""

    codes = frozenset({"missing_scope", *ChannelNotVisible.codes})


class NotAMember(ErrorGroup):
    """The app can't post unless it is invited, or can't post at all."""

    codes = frozenset({"channel_not_found", "not_in_channel", "user_not_in_channel", "is_archived"})


class ChannelArchived(ErrorGroup):
    codes = frozenset({"is_archived"})


class MessageGone(ErrorGroup):
    """The message can no longer be updated."""

    codes = frozenset(
        {"message_not_found", "channel_not_found", "cant_update_message", "edit_window_closed"}
    )


class UserGone(ErrorGroup):
    codes = frozenset({"user_not_found"})


class UserNotVisible(ErrorGroup):
    """The user may exist, but the app can't see them."""

    codes = frozenset({"user_not_visible"})


class TriggerSpent(ErrorGroup):
    codes = frozenset(
        {
            "expired_trigger_id",
            "exchanged_trigger_id",
            "invalid_trigger_id",
            "trigger_expired",
        }
    )


class ModalStackFull(ErrorGroup):
    codes = frozenset({"push_limit_reached"})


class ViewChanged(ErrorGroup):
    """The view has changed since its `hash`."""

    codes = frozenset({"hash_conflict"})


class ViewGone(ErrorGroup):
    """The view was closed, or has changed since its `hash`."""

    codes = frozenset({"not_found", *ViewChanged.codes})


class UploadRefused(ErrorGroup):
    codes = frozenset(
        {"missing_scope", "file_uploads_disabled", "restricted_action", "blocked_file_type"}
    )


INVALID_BLOCKS = "invalid_blocks"
"""Slack rejects a block of the message; nothing was posted."""

TOKEN_RETRY_SECONDS = 60.0

LINK_DISABLED, TOO_MANY_WEBSOCKETS = "link_disabled", "too_many_websockets"
_NEW = "create an app-level token (Basic Information) and set SLACK_APP_TOKEN"
SOCKET_MODE_ADVICE = {
    **dict.fromkeys(InvalidToken.codes, _NEW),
    "access_denied": _NEW,
    "forbidden_team": _NEW,
    "missing_scope": f"the token needs the scope connections:write: {_NEW}",
    "not_allowed_token_type": f"SLACK_APP_TOKEN is not an app-level token: {_NEW}",
    LINK_DISABLED: "turn on Socket Mode in the settings of the Slack app",
    TOO_MANY_WEBSOCKETS: "Slack allows 10 connections of an app: stop some of its web processes",
}
"""What the operator must do, by Slack's error code or its reason for a disconnect."""

SOCKET_MODE_UNKNOWN = (
    "look up this code at https://docs.slack.dev/reference/methods/apps.connections.open"
)
"""The same for other codes that are permanent."""

CHANNEL_PREFIX = "restricted_action"
"""Slack: `restricted_action`, `…_read_only_channel`, `…_thread_only_channel`, and more."""

WORD = re.compile(r"[A-Za-z0-9_.:-]{1,80}")

Kind = Literal["temporary", "permanent", "unknown"]
About = Literal["", "app", "channel", "request"]


@dataclass(frozen=True, slots=True)
class Refusal:
    """A failed Web API call, classified.

    `temporary`: nothing happened, and the same call may succeed in `seconds`. `permanent`: nothing
    happened, and the same call will fail again; `about` says what must change: the app (its token
    or scopes), the channel (or the recipient), or the request itself. `unknown`: the call may have
    taken effect; retrying makes sense in `seconds`.

    `reason` is Slack's error code, such as `is_archived`, or the exception's name.
    """

    kind: Kind
    reason: str
    seconds: float = 0.0
    about: About = ""


def classify(error: Exception) -> Refusal:
    """Classify an error of SLACK_ERRORS."""
    reason = error_name(error)
    if (seconds := retry_after(error)) is not None:
        return Refusal("temporary", reason, seconds)
    if not isinstance(error, SlackApiError):
        never_sent = isinstance(error, aiohttp.ClientConnectorError)
        return Refusal("temporary" if never_sent else "unknown", reason, SLACK_RETRY_SECONDS)
    said = error_code(error)
    if http_status(error) >= 500 or not said or said in Uncertain.codes:
        return Refusal("unknown", reason, SLACK_RETRY_SECONDS)
    if said in WorkspaceMoving.codes:
        return Refusal("temporary", reason, SLACK_RETRY_SECONDS)
    return Refusal("permanent", reason, about=_about(said))


def error_code(error: SlackApiError) -> str:
    """Slack's error code, such as `channel_not_found`; "" if the response is not Slack's.

    slack-sdk raises the same error for a proxy's page, with a different kind of `response`.
    """
    said = _data(error).get("error")
    return said if isinstance(said, str) and WORD.fullmatch(said) else ""


def error_name(error: Exception) -> str:
    """The error code, or else the exception's name, for the log."""
    return (error_code(error) if isinstance(error, SlackApiError) else "") or type(error).__name__


def describe(error: Exception) -> str:
    """A description for the log, without the sent data."""
    if isinstance(error, SlackApiError):
        return f"Slack answered {error_code(error) or 'something unreadable'}"
    return type(error).__name__


def describe_connection_error(error: Exception) -> str:
    """Why no connection to Slack could be opened for now, and the operator's next step."""
    if isinstance(error, SlackApiError):
        if retry_after(error) is not None:
            return "ratelimited"
        if code := error_code(error):
            return f"{code}: a problem at Slack"
        return f"a response with status {http_status(error)} is not from Slack: check the proxies"
    name = type(error).__name__
    if is_certificate_untrusted(error):
        return f"{name}: set SSL_CERT_FILE to the certificate of the server's authority"
    if isinstance(error, aiohttp.WSServerHandshakeError):
        return f"{name} {error.status}: check that proxies and firewalls allow WebSockets"
    return f"{name}: check the network and the proxies"


def argument_errors(error: SlackApiError) -> str:
    """Slack's explanations of `invalid_arguments` in lower case, for comparison only."""
    metadata = _data(error).get("response_metadata")
    found = metadata.get("messages") if isinstance(metadata, dict) else None
    return " ".join(map(str, found)).lower() if isinstance(found, list) else ""


def retry_after(error: Exception) -> float | None:
    """The seconds that Slack asks to wait, up to a limit; None if this isn't a rate limit."""
    if not isinstance(error, SlackApiError):
        return None
    if http_status(error) != 429 and not RateLimits.includes(error):
        return None
    return retry_after_header(getattr(error.response, "headers", None) or {})


def retry_after_header(headers: object) -> float:
    """The seconds of `Retry-After` in response headers, up to a limit."""
    pairs = headers.items() if hasattr(headers, "items") else ()
    said = next((value for name, value in pairs if str(name).lower() == "retry-after"), "")
    first = said[0] if isinstance(said, list) and said else said  # slack-sdk returns lists
    return (
        parse_retry_after(str(first), time.time(), most=MAX_SLACK_PAUSE_SECONDS)
        or MIN_RETRY_AFTER_SECONDS
    )


def retry_seconds(error: Exception) -> float | None:
    """The seconds before scheduled work retries; None if the refusal is permanent.

    An invalid token is never permanent: it says nothing about the channel, user or request.
    """
    if refuses_token(error):
        return TOKEN_RETRY_SECONDS
    refusal = classify(error)
    return None if refusal.kind == "permanent" else refusal.seconds


def refuses_token(error: BaseException | None) -> bool:
    """Whether Slack rejects the app's token."""
    return (
        isinstance(error, SlackApiError)
        and InvalidToken.includes(error)
        and http_status(error) < 500
    )


def had_no_effect(error: Exception) -> bool:
    """Whether the call had no effect: Slack refused it or was never reached."""
    return classify(error).kind != "unknown"


def http_status(error: SlackApiError) -> int:
    """The HTTP status; 500 if slack-sdk doesn't have it."""
    for name in ("status_code", "status"):  # slack-sdk's response, or aiohttp's
        found = getattr(error.response, name, None)
        if isinstance(found, int):
            return found
    return 500


def _data(error: SlackApiError) -> dict[str, object]:
    data = getattr(error.response, "data", None)
    return data if isinstance(data, dict) else {}


def _about(said: str) -> About:
    if said in AppRefused.codes:
        return "app"
    return (
        "channel"
        if said in ConversationRefused.codes or said.startswith(CHANNEL_PREFIX)
        else "request"
    )
