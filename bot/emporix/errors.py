"""Classifies responses of Emporix and of its token endpoint, and failed connections, as errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice

import httpx

from bot.backoff import MAX_EMPORIX_PAUSE_SECONDS, parse_retry_after
from bot.emporix.http import Encoded, TooLarge
from bot.emporix.payloads import clean, decode, fields, items
from bot.errors import (
    EmporixError,
    EmporixFailed,
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
"""How the gateway's codes for a quota begin; it may send them as 429 or as 500."""

BY_STATUS: dict[int, type[EmporixError]] = {
    400: InvalidRequest,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    422: InvalidRequest,
}
"""In Emporix's own words. Any other 4xx is temporary, as a 5xx is: 408, 421, 425, 431, 451, 499."""

NEED_OWN_WORDS = set(BY_STATUS)
"""That a key, a filter or a job is the problem is only believed in Emporix's own words."""

OWN_MEMBERS = {"code", "status", "details", "resourceId", "fault"}

OAUTH: dict[str, type[EmporixError]] = {
    "invalid_client": Unauthorized,
    "invalid_grant": Unauthorized,
    "unauthorized_client": Unauthorized,
    "invalid_scope": Forbidden,
    "invalid_request": TokenRefused,
    "unsupported_grant_type": TokenRefused,
}
"""The codes of OAuth's token endpoint (RFC 6749, 5.2), with 400 or 401."""


@dataclass(frozen=True, slots=True)
class Words:
    """What Emporix itself says about a refusal.

    `code` is that of a gateway's fault, or OAuth's `error`. `is_json` tells whether the body is a
    JSON object, as all of Emporix's are, and `is_own` whether it has the members of these.
    """

    message: str = ""
    details: tuple[str, ...] = ()
    code: str = ""
    is_json: bool = False
    is_own: bool = False


def response_error(
    response: httpx.Response, *, now: float, tenant: str = "", resource_id: str = ""
) -> EmporixError:
    """The error that a read `response` stands for, whatever its body; `now` in seconds since 1970.

    Emporix: services refuse with `{"code", "status", "message", "details"}`, the gateway in front
    of them with `{"fault": {"faultstring", "detail": {"errorcode"}}}`. Both always in JSON: what is
    something else does not come from Emporix, and says nothing about keys, filters or jobs.
    """
    words = _words(response.content)
    error = _named(_kind(response, words), response, words, tenant)
    if isinstance(error, NotFound):
        error.resource_id, error.resource = resource_id, "job" if resource_id else "service"
    if error.is_temporary:
        said = response.headers.get("Retry-After", "")
        error.retry_after = parse_retry_after(said, now, most=MAX_EMPORIX_PAUSE_SECONDS)
    return error


def token_error(response: httpx.Response, *, now: float, tenant: str = "") -> EmporixError:
    """The same for the token endpoint, whose 400 is about the key, never about filters or jobs."""
    words = _words(response.content)
    if words.code in OAUTH and response.status_code < 500:
        refused = _named(OAUTH[words.code], response, words, tenant)
        if isinstance(refused, TokenRefused):
            refused.reason = words.code
        return refused
    error = response_error(response, now=now, tenant=tenant)
    if isinstance(error, InvalidRequest | NotFound):
        return _named(EmporixFailed, response, words, tenant)
    return error


def unreadable(response: httpx.Response, *, tenant: str = "") -> EmporixUnreadable:
    """The error for a 2xx whose body is not what was asked for."""
    kind = ProxyAnswered if _is_page(response) else EmporixUnreadable
    return kind(tenant=tenant, status=response.status_code)


@contextmanager
def naming_failures(tenant: str = "") -> Iterator[None]:
    """No whole answer, or none in time, becomes an EmporixError."""
    try:
        yield
    except TimeoutError as error:
        raise EmporixTimeout(tenant=tenant) from error
    except httpx.RequestError as error:
        raise _broken(error, tenant) from error


def _broken(error: httpx.RequestError, tenant: str) -> EmporixError:
    match error:
        case httpx.ConnectError() | httpx.UnsupportedProtocol():
            return EmporixUnreachable(tenant=tenant, because=str(error))
        case httpx.ProxyError():
            return EmporixUnreachable(tenant=tenant, because="the proxy refuses to connect")
        case httpx.ConnectTimeout():
            return EmporixUnreachable(tenant=tenant, because="no connection in time")
        case httpx.TimeoutException():
            return EmporixTimeout(tenant=tenant)
        case TooLarge():
            return EmporixTooLarge(tenant=tenant)
        case Encoded(coding=coding):
            unread = EmporixUnreadable(tenant=tenant, because=str(error))
            unread.coding = coding
            return unread
        case httpx.RemoteProtocolError():  # its text is that of our transport
            return EmporixUnreadable(tenant=tenant, because=str(error))
    return EmporixUnreadable(tenant=tenant, because="the response ended too early")


def _named(
    kind: type[EmporixError], response: httpx.Response, words: Words, tenant: str
) -> EmporixError:
    status = response.status_code
    return kind(words.message, tenant=tenant, status=status, details=words.details)


def _kind(response: httpx.Response, words: Words) -> type[EmporixError]:
    """The table: of status and body, the error."""
    status, body = response.status_code, response.content
    if status == 429 or words.code.startswith(QUOTA_FAULT):
        return RateLimited
    if body.strip() and not words.is_json:
        return ProxyAnswered
    if status in NEED_OWN_WORDS and not words.is_own:
        return ProxyAnswered
    if status < 400:
        return ProxyAnswered if words.is_json else EmporixUnreadable
    return BY_STATUS.get(status, EmporixFailed)


def _is_page(response: httpx.Response) -> bool:
    return "html" in response.headers.get("Content-Type", "") or response.content[:1] == b"<"


def _words(body: bytes) -> Words:
    try:
        found = decode(body)
    except ValueError:
        return Words()
    members = fields(found)
    is_json, is_own = isinstance(found, dict), bool(members.keys() & OWN_MEMBERS)
    if fault := fields(members.get("fault")):
        code = clean(fields(fault.get("detail")).get("errorcode"))
        return Words(clean(fault.get("faultstring")), (), code, is_json, is_own)
    details = islice(filter(None, map(_detail, items(members.get("details")))), MAX_DETAILS)
    code = clean(members.get("error") or members.get("ErrorCode"))
    said = clean(members.get("message") or members.get("error_description"))
    return Words(said, tuple(details), code, is_json, is_own)


def _detail(detail: object) -> str:
    """`details` holds strings, or objects of which `message` is for people."""
    if not isinstance(detail, dict):
        return clean(detail)
    field, message = clean(detail.get("field")), clean(detail.get("message"))
    return clean(f"{field}: {message}") if field and message else message or clean(detail)
