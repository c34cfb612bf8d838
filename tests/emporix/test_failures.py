"""Which error a response or a broken connection becomes."""

from __future__ import annotations

import json
from email.utils import formatdate

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.emporix.failures import MAX_DETAILS, naming_failures, refusal
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
from tests.emporix.fakes import NOW
from tests.emporix.test_payloads import JSON

QUOTA = {
    "fault": {
        "faultstring": "Quota limit exceeded",
        "detail": {"errorcode": "policies.ratelimit.QuotaViolation"},
    }
}
EXPIRED = {
    "fault": {
        "faultstring": "Access Token expired",
        "detail": {"errorcode": "keymanagement.service.access_token_expired"},
    }
}
HTML = {"Content-Type": "text/html; charset=utf-8"}


def refused(status: int, body: object = b"", headers: dict[str, str] | None = None) -> EmporixError:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    sent = [(name.encode(), value.encode("latin-1")) for name, value in (headers or {}).items()]
    response = httpx.Response(status, content=content, headers=sent)
    return refusal(response, now=NOW, tenant="acme", resource_id="j1")


@pytest.mark.parametrize(
    ("status", "body", "kind", "message"),
    [
        (400, {"code": 400, "status": "Bad Request", "message": "no q"}, InvalidRequest, "no q"),
        (401, EXPIRED, Unauthorized, "Access Token expired"),
        (403, {"code": 403, "message": "forbidden"}, Forbidden, "forbidden"),
        (404, {"code": 404, "message": "not found"}, NotFound, "not found"),
        (404, b"", NotFound, ""),
        (404, b"<html>nothing here</html>", EmporixUnreadable, ""),
        (414, {"fault": {"faultstring": "too long"}}, InvalidRequest, "too long"),
        (429, QUOTA, RateLimited, "Quota limit exceeded"),
        (429, b"slow down", RateLimited, ""),
        (500, QUOTA, RateLimited, "Quota limit exceeded"),
        (500, {"code": 500, "message": "database"}, EmporixFailed, "database"),
        (502, b"<html>bad gateway</html>", EmporixFailed, ""),
        (503, b"", EmporixFailed, ""),
        (302, b"", EmporixUnreadable, ""),
        (403, {"fault": "a word"}, Forbidden, ""),
        (403, ["a", "list"], Forbidden, ""),
    ],
)
def test_named(status: int, body: object, kind: type[EmporixError], message: str) -> None:
    """Every documented refusal, and what a proxy makes of it, has its error."""
    error = refused(status, body)
    assert type(error) is kind
    assert (error.message, error.status, error.tenant) == (message, status, "acme")


def test_a_page_by_its_type() -> None:
    """A proxy's page is one by its content type, too: its 404 is not about a job."""
    assert type(refused(404, b"no such host", HTML)) is EmporixUnreadable


@given(status=st.integers(300, 599), body=JSON | st.binary())
def test_any_body(status: int, body: object) -> None:
    """Whatever a refusal holds, it has a name and short, clean words."""
    error = refused(status, body)
    assert isinstance(error, EmporixError)
    assert all(len(words) <= 300 for words in (error.message, *error.details))
    assert len(error.details) <= MAX_DETAILS


@pytest.mark.parametrize(
    ("details", "expected"),
    [
        ([{"message": "code must not be null"}], ("code must not be null",)),
        ([{"field": "q", "message": "not valid"}], ("q: not valid",)),
        (["first", "second"], ("first", "second")),
        ([{"code": "E1"}], ('{"code": "E1"}',)),
        ([], ()),
        (None, ()),
        ("words", ()),
        ([None, "", "x"], ("x",)),
        (list("abcdefg"), tuple("abcde")),
    ],
)
def test_details(details: object, expected: tuple[str, ...]) -> None:
    """Details are read in every shape that Emporix sends, at most five of them."""
    assert refused(400, {"message": "no", "details": details}).details == expected


def test_not_found_names_the_resource() -> None:
    """What was not found is what was asked for, whatever the answer says."""
    error = refused(404, {"resourceId": "another"})
    assert isinstance(error, NotFound)
    assert error.resource_id == "j1"


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        (" 0 ", 0.0),
        (formatdate(NOW + 90, usegmt=True), 90.0),
        (formatdate(NOW - 90, usegmt=True), 0.0),
        ("soon", None),
        ("-3", None),
        ("²", None),
        ("", None),
    ],
)
def test_retry_after(header: str, seconds: float | None) -> None:
    """Retry-After is read as seconds or as a date, and ignored where it is neither."""
    error = refused(429, b"", {"Retry-After": header})
    assert isinstance(error, RateLimited)
    assert error.retry_after == seconds


@given(st.text(st.characters(max_codepoint=255, exclude_categories=["Cc"])))
def test_any_retry_after(header: str) -> None:
    """No Retry-After breaks the reading of a refusal."""
    error = refused(429, b"", {"Retry-After": header})
    assert isinstance(error, RateLimited)
    assert error.retry_after is None or error.retry_after >= 0


@pytest.mark.parametrize(
    ("trouble", "kind"),
    [
        (httpx.ConnectError("refused"), EmporixUnreachable),
        (httpx.ConnectTimeout("late"), EmporixUnreachable),
        (httpx.ReadTimeout("late"), EmporixTimeout),
        (TimeoutError(), EmporixTimeout),
        (httpx.ReadError("cut"), EmporixUnreadable),
        (httpx.RemoteProtocolError("garbage"), EmporixUnreadable),
        (httpx.DecodingError("not gzip"), EmporixUnreadable),
        (TooLarge("larger"), EmporixTooLarge),
    ],
)
def test_no_whole_answer(trouble: Exception, kind: type[EmporixError]) -> None:
    """Unreachable, too late and unreadable are told apart, and the tenant is known."""
    with pytest.raises(EmporixError) as caught, naming_failures("acme"):
        raise trouble
    assert type(caught.value) is kind
    assert caught.value.tenant == "acme"
