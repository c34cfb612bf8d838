"""Classifies the errors of Slack's Web API: temporary, permanent, or of unknown outcome."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import ClassVar, Literal

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError

from bot.backoff import MAX_SLACK_PAUSE_SECONDS, MIN_PAUSE_SECONDS, parse_retry_after

SLACK_ERRORS = (SlackClientError, aiohttp.ClientError, TimeoutError)
"""What a call of the Web API raises: Slack refused it, or was not reached, or not in time."""

SLACK_RETRY_SECONDS = 15.0
"""After which a task tries again if Slack does not say how long to wait."""

MIN_RETRY_AFTER_SECONDS = MIN_PAUSE_SECONDS


class ErrorGroup:
    """Error codes of the Web API after which the app does the same."""

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
    """The token does not work at all, until it is replaced or the app is installed again."""

    codes = frozenset(
        {"account_inactive", "invalid_auth", "not_authed", "token_expired", "token_revoked"}
    )


class AppRefused(ErrorGroup):
    """The app must be repaired, by its operator or by an administrator of the workspace."""

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
    """The app cannot post to the conversation. Other such codes begin with CHANNEL_PREFIX."""

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
    """A private channel without the app, or no channel at all."""

    codes = frozenset({"channel_not_found", "method_not_supported_for_channel_type"})


class AudienceUnknown(ErrorGroup):
    """Who reads the channel cannot be found out."""

    codes = frozenset({"missing_scope", *ChannelNotVisible.codes})


class NotAMember(ErrorGroup):
    """The app can post to the channel after it was invited, or never."""

    codes = frozenset({"channel_not_found", "not_in_channel", "user_not_in_channel", "is_archived"})


class ChannelArchived(ErrorGroup):
    codes = frozenset({"is_archived"})


class MessageGone(ErrorGroup):
    """The message cannot be changed any more."""

    codes = frozenset(
        {"message_not_found", "channel_not_found", "cant_update_message", "edit_window_closed"}
    )


class UserGone(ErrorGroup):
    codes = frozenset({"user_not_found"})


class UserNotVisible(ErrorGroup):
    """There may be such a user, whom the app may not see."""

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
"""The message has a block that Slack does not take, there or at all; nothing was posted."""

TOKEN_RETRY_SECONDS = 60.0

CHANNEL_PREFIX = "restricted_action"
"""Slack: `restricted_action`, `…_read_only_channel`, `…_thread_only_channel`, and more."""

WORD = re.compile(r"[A-Za-z0-9_.:-]{1,80}")

Kind = Literal["temporary", "permanent", "unknown"]
About = Literal["", "app", "channel", "request"]


@dataclass(frozen=True, slots=True)
class Refusal:
    """A failed call of the Web API, classified.

    `temporary`: nothing happened, and the same call may work in `seconds`. `permanent`: nothing
    happened, and the same call will be refused again; `about` says what must change: the app (its
    token or scopes), the channel (or the person written to), or the request itself. `unknown`: the
    call may have had its effect; asking again makes sense in `seconds`.

    `reason` is Slack's own word, such as `is_archived`, or the name of the exception.
    """

    kind: Kind
    reason: str
    seconds: float = 0.0
    about: About = ""


def classify(error: Exception) -> Refusal:
    """The one classification of everything in TROUBLE."""
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
    """ "channel_not_found"; empty where the answer was a proxy's page or else not Slack's.

    slack-sdk raises the same error for both, and keeps very different things in its `response`.
    """
    said = _data(error).get("error")
    return said if isinstance(said, str) and WORD.fullmatch(said) else ""


def error_name(error: Exception) -> str:
    """What Slack calls it, or else what kind of error it is: for the log."""
    return (error_code(error) if isinstance(error, SlackApiError) else "") or type(error).__name__


def describe(error: Exception) -> str:
    """What happened, for the log, without what was sent."""
    if isinstance(error, SlackApiError):
        return f"Slack answered {error_code(error) or 'something unreadable'}"
    return type(error).__name__


def argument_errors(error: SlackApiError) -> str:
    """Slack's explanations of `invalid_arguments`, lower case; for comparing, not for showing."""
    metadata = _data(error).get("response_metadata")
    found = metadata.get("messages") if isinstance(metadata, dict) else None
    return " ".join(map(str, found)).lower() if isinstance(found, list) else ""


def retry_after(error: Exception) -> float | None:
    """The bounded seconds that Slack asks to wait; None if this is no rate limit."""
    if not isinstance(error, SlackApiError):
        return None
    if http_status(error) != 429 and not RateLimits.includes(error):
        return None
    return retry_after_header(getattr(error.response, "headers", None) or {})


def retry_after_header(headers: object) -> float:
    """The bounded seconds of a `Retry-After` among the `headers` of a response of Slack."""
    pairs = headers.items() if hasattr(headers, "items") else ()
    said = next((value for name, value in pairs if str(name).lower() == "retry-after"), "")
    first = said[0] if isinstance(said, list) and said else said  # slack-sdk gives lists
    return (
        parse_retry_after(str(first), time.time(), most=MAX_SLACK_PAUSE_SECONDS)
        or MIN_RETRY_AFTER_SECONDS
    )


def retry_seconds(error: Exception) -> float | None:
    """Seconds after which scheduled work may ask again; None if the refusal is permanent.

    That the token does not work says nothing about the channel, the person or the request.
    """
    if refuses_token(error):
        return TOKEN_RETRY_SECONDS
    refusal = classify(error)
    return None if refusal.kind == "permanent" else refusal.seconds


def refuses_token(error: BaseException | None) -> bool:
    """Whether Slack does not accept the app's token, whatever was asked."""
    return (
        isinstance(error, SlackApiError)
        and InvalidToken.includes(error)
        and http_status(error) < 500
    )


def had_no_effect(error: Exception) -> bool:
    """Whether the call has had no effect: Slack says no, or was never reached."""
    return classify(error).kind != "unknown"


def http_status(error: SlackApiError) -> int:
    """The HTTP status; 500 where slack-sdk does not say."""
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
