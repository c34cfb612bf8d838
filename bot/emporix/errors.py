"""Maps error responses and failed requests to subclasses of EmporixError."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice

import httpx

from bot.backoff import MAX_EMPORIX_PAUSE_SECONDS, parse_retry_after
from bot.emporix.http import BodyTooLarge, UnexpectedEncoding
from bot.emporix.models import as_list, as_object, decode_json, one_line
from bot.errors import (
    EmporixError,
    EmporixFailed,
    EmporixRefused,
    EmporixTimeout,
    EmporixTooLarge,
    EmporixUnreachable,
    EmporixUnreadable,
    Forbidden,
    InvalidRequest,
    NotFound,
    ProxyAnswered,
    RateLimited,
    TokenRefused,
    Unauthorized,
)

MAX_DETAILS = 5
QUOTA_FAULT = "policies.ratelimit."
"""Prefix of the gateway's codes for an exceeded quota, sent with a 429 or a 500."""

ERRORS_BY_STATUS: dict[int, type[EmporixError]] = {
    400: InvalidRequest,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    422: InvalidRequest,
}
"""Errors for responses from Emporix itself; other 4xx mean EmporixRefused or EmporixFailed."""

UNCERTAIN_STATUSES = {408, 499}
"""4xx statuses after which a change may have been made: the server or a proxy stopped waiting."""

STATUSES_WITH_EMPORIX_BODY = set(ERRORS_BY_STATUS)
"""Proxies may send these statuses, too, so they only count with Emporix's own error body."""

EMPORIX_MEMBERS = {"code", "status", "details", "resourceId", "fault"}

OAUTH_ERRORS: dict[str, type[EmporixError]] = {
    "invalid_client": Unauthorized,
    "invalid_grant": Unauthorized,
    "unauthorized_client": Unauthorized,
    "invalid_scope": Forbidden,
    "invalid_request": TokenRefused,
    "unsupported_grant_type": TokenRefused,
}
"""Error codes of OAuth's token endpoint (RFC 6749, 5.2), sent with a 400 or 401."""


@dataclass(frozen=True, slots=True)
class ErrorBody:
    """The body of an error response.

    `code` is the gateway's error code, or OAuth's `error`. `is_json` is set if the body is a JSON
    object, as all of Emporix's are; `is_own` if it also has the members of Emporix's errors.
    """

    message: str = ""
    details: tuple[str, ...] = ()
    code: str = ""
    is_json: bool = False
    is_own: bool = False


def response_error(
    response: httpx.Response, *, now: float, tenant: str = "", resource_id: str = ""
) -> EmporixError:
    """The error for a response whose body was read; `now` is in seconds since 1970.

    Emporix: services answer `{"code", "status", "message", "details"}`, the gateway in front of
    them `{"fault": {"faultstring", "detail": {"errorcode"}}}`. Both are always JSON. Any other body
    does not come from Emporix, so it is no proof that a key, filter or job is wrong.
    """
    words = _read_error_body(response.content)
    error = _error(_error_class(response, words), response, words, tenant)
    if isinstance(error, NotFound):
        error.resource_id, error.resource = resource_id, "job" if resource_id else "service"
    if error.is_temporary:
        said = response.headers.get("Retry-After", "")
        error.retry_after = parse_retry_after(said, now, most=MAX_EMPORIX_PAUSE_SECONDS)
    return error


def token_error(response: httpx.Response, *, now: float, tenant: str = "") -> EmporixError:
    """The error for a response of the token endpoint, where a 400 is about the key."""
    words = _read_error_body(response.content)
    if words.code in OAUTH_ERRORS and response.status_code < 500:
        refused = _error(OAUTH_ERRORS[words.code], response, words, tenant)
        if isinstance(refused, TokenRefused):
            refused.reason = words.code
        return refused
    error = response_error(response, now=now, tenant=tenant)
    if isinstance(error, InvalidRequest | NotFound | EmporixRefused):
        return _error(EmporixFailed, response, words, tenant)
    return error


def unreadable(response: httpx.Response, *, tenant: str = "") -> EmporixUnreadable:
    """The error for a 2xx response with an unexpected body."""
    kind = ProxyAnswered if _is_html(response) else EmporixUnreadable
    return kind(tenant=tenant, status=response.status_code)


def request_error(error: httpx.RequestError, tenant: str) -> EmporixError:
    match error:
        case httpx.ConnectError() | httpx.UnsupportedProtocol():
            return EmporixUnreachable(tenant=tenant, because=str(error))
        case httpx.ProxyError():
            return EmporixUnreachable(tenant=tenant, because="the proxy refuses to connect")
        case httpx.ConnectTimeout():
            return EmporixUnreachable(tenant=tenant, because="no connection in time")
        case httpx.TimeoutException():
            return EmporixTimeout(tenant=tenant)
        case BodyTooLarge():
            return EmporixTooLarge(tenant=tenant)
        case UnexpectedEncoding(coding=coding):
            unread = EmporixUnreadable(tenant=tenant, because=str(error))
            unread.coding = coding
            return unread
        case httpx.RemoteProtocolError():  # its text comes from `Transport`
            return EmporixUnreadable(tenant=tenant, because=str(error))
    return EmporixUnreadable(tenant=tenant, because="the response ended too early")


def _error(
    kind: type[EmporixError], response: httpx.Response, words: ErrorBody, tenant: str
) -> EmporixError:
    status = response.status_code
    return kind(words.message, tenant=tenant, status=status, details=words.details)


def _error_class(response: httpx.Response, words: ErrorBody) -> type[EmporixError]:
    """Choose the error by status and body."""
    status, body = response.status_code, response.content
    if status == 429 or words.code.startswith(QUOTA_FAULT):
        return RateLimited
    if body.strip() and not words.is_json:
        return ProxyAnswered
    if status in STATUSES_WITH_EMPORIX_BODY and not words.is_own:
        return ProxyAnswered
    if status < 400:
        return ProxyAnswered if words.is_json else EmporixUnreadable
    is_refusal = status < 500 and words.is_own and status not in UNCERTAIN_STATUSES
    return ERRORS_BY_STATUS.get(status, EmporixRefused if is_refusal else EmporixFailed)


def _is_html(response: httpx.Response) -> bool:
    return "html" in response.headers.get("Content-Type", "") or response.content[:1] == b"<"


def _read_error_body(body: bytes) -> ErrorBody:
    try:
        found = decode_json(body)
    except ValueError:
        return ErrorBody()
    members = as_object(found)
    is_json, is_own = isinstance(found, dict), bool(members.keys() & EMPORIX_MEMBERS)
    if fault := as_object(members.get("fault")):
        code = one_line(as_object(fault.get("detail")).get("errorcode"))
        return ErrorBody(one_line(fault.get("faultstring")), (), code, is_json, is_own)
    details = islice(filter(None, map(_detail, as_list(members.get("details")))), MAX_DETAILS)
    code = one_line(members.get("error") or members.get("ErrorCode"))
    said = one_line(members.get("message") or members.get("error_description"))
    return ErrorBody(said, tuple(details), code, is_json, is_own)


def _detail(detail: object) -> str:
    """An entry of `details`: a string, or an object with a readable `message`."""
    if not isinstance(detail, dict):
        return one_line(detail)
    field, message = one_line(detail.get("field")), one_line(detail.get("message"))
    return one_line(f"{field}: {message}") if field and message else message or one_line(detail)
