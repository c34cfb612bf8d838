"""The error for each response and each broken connection."""

from __future__ import annotations

import json

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.emporix.client import translate_request_errors
from bot.emporix.errors import MAX_DETAILS, response_error, token_error
from bot.emporix.http import BodyTooLarge, UnexpectedEncoding
from bot.errors import (
    MAY_HAVE_WORKED,
    NOT_DONE,
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
from tests.emporix.fakes import NOW
from tests.emporix.test_models import JSON

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
    return response_error(response, now=NOW, tenant="acme", resource_id="j1")


@pytest.mark.parametrize(
    ("status", "body", "kind", "message"),
    [
        (400, {"code": 400, "status": "Bad Request", "message": "no q"}, InvalidRequest, "no q"),
        (401, EXPIRED, Unauthorized, "Access Token expired"),
        (403, {"code": 403, "message": "forbidden"}, Forbidden, "forbidden"),
        (404, {"code": 404, "message": "not found"}, NotFound, "not found"),
        (401, b"", ProxyAnswered, ""),
        (401, {"error": "login required"}, ProxyAnswered, ""),
        (403, b"", ProxyAnswered, ""),
        (403, {}, ProxyAnswered, ""),
        (404, b"", ProxyAnswered, ""),
        (404, b"<html>nothing here</html>", ProxyAnswered, ""),
        (404, b"404 page not found", ProxyAnswered, ""),
        (404, {"message": "no Route matched with those values"}, ProxyAnswered, ""),
        (409, {"code": 409, "message": "conflict"}, EmporixRefused, "conflict"),
        (409, b"", EmporixFailed, ""),
        (413, b"<html>too large</html>", ProxyAnswered, ""),
        (414, {"fault": {"faultstring": "too long"}}, EmporixRefused, "too long"),
        (429, QUOTA, RateLimited, "Quota limit exceeded"),
        (429, b"slow down", RateLimited, ""),
        (500, QUOTA, RateLimited, "Quota limit exceeded"),
        (500, {"code": 500, "message": "database"}, EmporixFailed, "database"),
        (502, b"<html>bad gateway</html>", ProxyAnswered, ""),
        (503, b"", EmporixFailed, ""),
        (302, b"", EmporixUnreadable, ""),
        (403, {"fault": "a word"}, Forbidden, ""),
        (403, ["a", "list"], ProxyAnswered, ""),
    ],
)
def test_every_refusal_has_its_error(
    status: int, body: object, kind: type[EmporixError], message: str
) -> None:
    """Every documented refusal, and its variant from a proxy, raises its own error."""
    error = refused(status, body)
    assert type(error) is kind
    assert (error.status, error.tenant) == (status, "acme")
    assert error.message == message or kind is ProxyAnswered


def test_html_by_its_content_type() -> None:
    """A 404 with HTML by its content type comes from a proxy and is not about a job."""
    assert type(refused(404, b"no such host", HTML)) is ProxyAnswered


OWN = {"code": 400, "status": "Bad Request", "message": "no"}
BODIES: dict[str, tuple[bytes, str]] = {
    "own": (json.dumps(OWN).encode(), "application/json"),
    "fault": (json.dumps(EXPIRED).encode(), "application/json"),
    "other": (b'{"error": "bad gateway"}', "application/json"),
    "html": (b"<!doctype html><title>Blocked</title>", "text/html; charset=utf-8"),
    "page": (b"  \n<html>Blocked</html>", ""),
    "html as json": (b"<html>Blocked</html>", "application/json"),
    "text": (b"upstream connect error", "text/plain"),
    "half": (b'{"code": 400, "mess', "application/json"),
    "empty": (b"", "application/json"),
}
STATUSES = (
    400,
    401,
    403,
    404,
    405,
    407,
    408,
    409,
    413,
    414,
    421,
    422,
    425,
    428,
    431,
    451,
    499,
    500,
    502,
    503,
    504,
    520,
    599,
)


@pytest.mark.parametrize("of_token", [False, True], ids=["service", "token endpoint"])
@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("status", STATUSES)
def test_only_emporix_blames_keys_and_filters(status: int, body: str, of_token: bool) -> None:
    """Only Emporix's own errors blame keys and filters; all others are temporary."""
    content, media_type = BODIES[body]
    headers = {"Content-Type": media_type} if media_type else {}
    response = httpx.Response(status, content=content, headers=headers)
    error = (token_error if of_token else response_error)(response, now=NOW, tenant="acme")
    if body in ("html", "page", "html as json", "text", "half"):
        assert type(error) is ProxyAnswered
    if error.pauses == "filters":
        assert (body in ("own", "fault"), status in (400, 422), of_token) == (True, True, False)
    if error.pauses == "connection":
        assert body in ("own", "fault")
        assert status in (401, 403)
    if not error.pauses and not isinstance(error, NotFound):
        assert error.is_temporary
        assert error.may_have_worked != isinstance(error, EmporixRefused)
    if isinstance(error, NotFound):
        assert (status, body in ("own", "fault"), of_token) == (404, True, False)


CERTAIN = {*range(400, 500)} - {408, 499}
"""Statuses with which Emporix says that it refused a request, so that it changed nothing."""


@pytest.mark.parametrize("body", BODIES)
def test_only_refusals_of_emporix_changed_nothing(body: str) -> None:
    """After a 4xx of Emporix itself, nothing was changed; after anything else, it's unknown.

    HTTP allows a 408 at any time, and a proxy that stopped waiting sends 499. Any 429 is a refusal.
    """
    content, media_type = BODIES[body]
    errors = [refused(status, content, {"Content-Type": media_type}) for status in range(300, 600)]
    certain = {error.status for error in errors if not error.may_have_worked}
    assert certain == (CERTAIN if body in ("own", "fault") else {429})


@pytest.mark.parametrize("status", [400, 401, 403])
@pytest.mark.parametrize("said", ["invalid_client", "unauthorized_client", "invalid_grant"])
@pytest.mark.parametrize("member", ["error", "ErrorCode"])
def test_a_refused_key_is_about_the_key(status: int, said: str, member: str) -> None:
    """A 400 of OAuth for a wrong client asks to connect again, and does not blame the filters."""
    response = httpx.Response(status, json={member: said, "error_description": "no"})
    error = token_error(response, now=NOW)
    assert type(error) is Unauthorized


@pytest.mark.parametrize("status", [400, 401])
@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("invalid_scope", Forbidden),
        ("unsupported_grant_type", TokenRefused),
        ("invalid_request", TokenRefused),
    ],
)
def test_a_refused_token_request_has_a_reason(
    status: int, said: str, kind: type[EmporixError]
) -> None:
    """A key without scopes must be replaced; a malformed request is the operator's problem."""
    error = token_error(httpx.Response(status, json={"error": said}), now=NOW)
    assert type(error) is kind
    assert not isinstance(error, TokenRefused) or (error.reason, error.pauses) == (said, "")


def test_every_error_has_its_row() -> None:
    """The attributes of every error are consistent."""
    for error in subclasses(EmporixError):
        assert not (error.is_temporary and error.pauses)
        assert (error.template in MAY_HAVE_WORKED) == error.may_have_worked
        assert (error.template in NOT_DONE) != error.may_have_worked
        assert bool(error.pauses == "connection") == (error.cause == "key")


def subclasses(of: type[EmporixError]) -> list[type[EmporixError]]:
    below = [one for kind in of.__subclasses__() for one in subclasses(kind)]
    return [*of.__subclasses__(), *below]


@given(status=st.integers(300, 599), body=JSON | st.binary())
def test_any_body(status: int, body: object) -> None:
    """Every error response has an error class and a short, clean message."""
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
    """Details are read in all formats that Emporix sends, at most five of them."""
    assert refused(400, {"message": "no", "details": details}).details == expected


def test_a_list_that_is_not_found_is_not_a_job() -> None:
    """Emporix's 404 for a list means that the service is missing, not a job."""
    response = httpx.Response(404, json={"code": 404, "message": "not found"})
    error = response_error(response, now=NOW, tenant="acme")
    assert isinstance(error, NotFound)
    assert (error.resource, error.resource_id) == ("service", "")


def test_not_found_names_the_resource() -> None:
    """NotFound has the requested resource, whatever the response says."""
    error = refused(404, {"resourceId": "another"})
    assert isinstance(error, NotFound)
    assert (error.resource, error.resource_id) == ("job", "j1")


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7.0), ("0", 1.0), ("1.5", 2.0), ("31536000", 900.0), ("9" * 400, 900.0), ("soon", None)],
)
@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("body", [b"", b"<html>busy</html>"])
def test_retry_after(header: str, seconds: float | None, status: int, body: bytes) -> None:
    """Calls pause as long as Emporix asks, but at most 15 minutes."""
    assert refused(status, body, {"Retry-After": header}).retry_after == seconds


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
        (httpx.ProxyError("407"), EmporixUnreachable),
        (UnexpectedEncoding("br", httpx.Request("GET", "http://x")), EmporixUnreadable),
        (BodyTooLarge("larger"), EmporixTooLarge),
    ],
)
def test_incomplete_responses(trouble: Exception, kind: type[EmporixError]) -> None:
    """Unreachable, timeout and unreadable are different errors, and all have the tenant."""
    with pytest.raises(EmporixError) as caught, translate_request_errors("acme"):
        raise trouble
    assert type(caught.value) is kind
    assert caught.value.tenant == "acme"
