"""Classification of the errors of Slack's Web API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import aiohttp
import pytest
from aiohttp.client_reqrep import ConnectionKey
from hypothesis import given
from hypothesis import strategies as st
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.slack.errors import (
    classify,
    error_code,
    had_no_effect,
    refuses_token,
    retry_after,
    retry_seconds,
)


def refused(status: int, data: object, headers: Mapping[str, str] | None = None) -> SlackApiError:
    response = AsyncSlackResponse(
        client=None,
        http_verb="POST",
        api_url="https://slack.com/api/chat.postMessage",
        req_args={},
        data=data,  # type: ignore[arg-type]
        headers=dict(headers or {}),
        status_code=status,
    )
    return SlackApiError("refused", response)  # type: ignore[no-untyped-call]


def no(error: str) -> dict[str, Any]:
    return {"ok": False, "error": error}


PAGE: dict[str, Any] = {}
"""slack-sdk gives an empty object for a page of HTML."""

KEY = ConnectionKey("slack.com", 443, True, True, None, None, None)


@pytest.mark.parametrize(
    ("status", "data", "kind", "about"),
    [
        (200, no("ratelimited"), "temporary", ""),
        (200, no("rate_limited"), "temporary", ""),
        (429, no("ratelimited"), "temporary", ""),
        (429, PAGE, "temporary", ""),
        (200, no("team_added_to_org"), "temporary", ""),
        (200, no("org_login_required"), "temporary", ""),
        (200, no("internal_error"), "unknown", ""),
        (200, no("fatal_error"), "unknown", ""),
        (200, no("request_timeout"), "unknown", ""),
        (503, no("service_unavailable"), "unknown", ""),
        (500, no("channel_not_found"), "unknown", ""),
        (500, no(""), "unknown", ""),
        (502, PAGE, "unknown", ""),
        (200, PAGE, "unknown", ""),
        (403, PAGE, "unknown", ""),
        (403, no("<script>"), "unknown", ""),
        (200, no("x" * 200), "unknown", ""),
        (200, {"ok": False, "error": 7}, "unknown", ""),
        (200, ["a", "list"], "unknown", ""),
        (503, "upstream connect error", "unknown", ""),
        *(
            (200, no(said), "permanent", "app")
            for said in (
                "missing_scope",
                "invalid_auth",
                "not_authed",
                "account_inactive",
                "token_revoked",
                "token_expired",
                "no_permission",
                "team_access_not_granted",
            )
        ),
        *(
            (200, no(said), "permanent", "channel")
            for said in (
                "not_in_channel",
                "is_archived",
                "channel_not_found",
                "restricted_action",
                "restricted_action_read_only_channel",
                "restricted_action_thread_only_channel",
                "restricted_action_non_threadable_channel",
                "user_not_found",
                "messages_tab_disabled",
            )
        ),
        *(
            (200, no(said), "permanent", "request")
            for said in (
                "invalid_blocks",
                "msg_too_long",
                "a_word_of_next_year",
            )
        ),
    ],
)
def test_classified(status: int, data: object, kind: str, about: str) -> None:
    """Only Slack's own refusal is permanent; a proxy's page or a 5xx leaves the outcome unknown."""
    found = classify(refused(status, data))
    assert (found.kind, found.about) == (kind, about)
    assert (found.seconds > 0) == (kind != "permanent")
    assert had_no_effect(refused(status, data)) == (kind != "unknown")
    waits = kind != "permanent" or refuses_token(refused(status, data))
    assert (retry_seconds(refused(status, data)) is not None) == waits


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (aiohttp.ClientConnectorError(KEY, OSError(111, "refused")), "temporary"),
        (aiohttp.ServerDisconnectedError(), "unknown"),
        (aiohttp.ClientOSError(104, "reset"), "unknown"),
        (aiohttp.ClientPayloadError(), "unknown"),
        (TimeoutError(), "unknown"),
        (SlackClientError("odd"), "unknown"),
        (SlackApiError("page", None), "unknown"),  # type: ignore[no-untyped-call]
    ],
)
def test_no_answer_is_classified(error: Exception, kind: str) -> None:
    """Only a connection that was never made certainly had no effect."""
    assert classify(error).kind == kind
    assert classify(error).reason == type(error).__name__


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("30", 30), ("0", 1), ("1.5", 2), ("31536000", 300), ("9" * 400, 300), ("soon", 1), ("", 1)],
)
def test_a_rate_limit_is_bounded(header: str, seconds: float) -> None:
    """The app waits as long as Slack asks, but at most 5 minutes."""
    error = refused(429, no("ratelimited"), {"retry-after": header})
    assert retry_after(error) == classify(error).seconds == seconds


@given(
    status=st.integers(200, 599),
    data=st.dictionaries(st.sampled_from(["ok", "error"]), st.text() | st.none() | st.integers())
    | st.text()
    | st.lists(st.text()),
    headers=st.dictionaries(st.sampled_from(["Retry-After", "retry-after"]), st.text()),
)
def test_any_response(status: int, data: object, headers: dict[str, str]) -> None:
    """Any response is classified, with a limited delay and a code that is safe to log."""
    found = classify(refused(status, data, headers))
    assert 0 <= found.seconds <= 300
    assert len(found.reason) <= 80
    assert found.reason.isascii()
    assert error_code(refused(status, data, headers)) in ("", found.reason)
