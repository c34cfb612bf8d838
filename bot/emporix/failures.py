"""What went wrong, by name: an answer that refuses, or no whole answer at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

import httpx

from bot.emporix.payloads import clean, decode, fields, items
from bot.emporix.transport import TooLarge
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
    RateLimited,
    Unauthorized,
)

MAX_DETAILS = 5
QUOTA_FAULT = "policies.ratelimit."
"""How the gateway's codes for a quota begin; it may send them as 429 or as 500."""

BY_STATUS: dict[int, type[EmporixError]] = {
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    429: RateLimited,
}


@dataclass(frozen=True, slots=True)
class Words:
    """What Emporix itself says about a refusal; `code` is that of a gateway's fault."""

    message: str = ""
    details: tuple[str, ...] = ()
    code: str = ""


def refusal(
    response: httpx.Response, *, now: float, tenant: str = "", resource_id: str = ""
) -> EmporixError:
    """The error that a read `response` stands for, whatever its body; `now` in seconds since 1970.

    Emporix: services refuse with `{"code", "status", "message", "details"}`, the gateway in front
    of them with `{"fault": {"faultstring", "detail": {"errorcode"}}}`.
    """
    words = _words(response.content)
    kind = _kind(response, words.code)
    error = kind(words.message, tenant=tenant, status=response.status_code, details=words.details)
    if isinstance(error, NotFound):
        error.resource_id = resource_id
    if isinstance(error, RateLimited):
        error.retry_after = _seconds(response.headers.get("Retry-After", ""), now)
    return error


@contextmanager
def naming_failures(tenant: str = "") -> Iterator[None]:
    """No whole answer, or none in time, becomes an EmporixError."""
    try:
        yield
    except TimeoutError as error:
        raise EmporixTimeout(tenant=tenant) from error
    except httpx.RequestError as error:
        raise _breakdown(error)(tenant=tenant) from error


def _breakdown(error: httpx.RequestError) -> type[EmporixError]:
    match error:
        case httpx.ConnectError() | httpx.ConnectTimeout() | httpx.UnsupportedProtocol():
            return EmporixUnreachable
        case httpx.TimeoutException():
            return EmporixTimeout
        case TooLarge():
            return EmporixTooLarge
    return EmporixUnreadable


def _kind(response: httpx.Response, code: str) -> type[EmporixError]:
    status = response.status_code
    if code.startswith(QUOTA_FAULT):
        return RateLimited
    if status == 404 and _is_page(response):
        return EmporixUnreadable  # a proxy's 404 says nothing about a job
    if status in BY_STATUS:
        return BY_STATUS[status]
    if status < 400:
        return EmporixUnreadable
    return EmporixFailed if status >= 500 else InvalidRequest


def _is_page(response: httpx.Response) -> bool:
    return "html" in response.headers.get("Content-Type", "") or response.content[:1] == b"<"


def _words(body: bytes) -> Words:
    try:
        members = fields(decode(body))
    except ValueError:
        return Words()
    if fault := fields(members.get("fault")):
        code = clean(fields(fault.get("detail")).get("errorcode"))
        return Words(clean(fault.get("faultstring")), code=code)
    details = filter(None, map(_detail, items(members.get("details"))))
    return Words(clean(members.get("message")), tuple(details)[:MAX_DETAILS])


def _detail(detail: object) -> str:
    """`details` holds strings, or objects of which `message` is for people."""
    if not isinstance(detail, dict):
        return clean(detail)
    field, message = clean(detail.get("field")), clean(detail.get("message"))
    return clean(f"{field}: {message}") if field and message else message or clean(detail)


def _seconds(retry_after: str, now: float) -> float | None:
    """HTTP: Retry-After is a number of seconds or a date; None where it is neither."""
    if retry_after.isascii() and retry_after.strip().isdigit():
        return float(retry_after)
    try:
        return max(0.0, parsedate_to_datetime(retry_after).timestamp() - now)
    except (ValueError, OverflowError):
        return None
