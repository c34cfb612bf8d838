"""Only requests that Slack signed recently are accepted."""

from __future__ import annotations

import hashlib
import hmac
import json
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.slack.verification import (
    MAX_REQUEST_BYTES,
    MAX_TIMESTAMP_AGE_SECONDS,
    TOO_LONG,
    Rejection,
    RequestVerifier,
    parse_body,
)
from tests.harness.clock import NOW, FakeClock

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
OLD_SECRET = "5a2d0b0c51962e5a3d6f0c1b7e8f9a24"
WELL_FORMED = "v0=" + "0" * 64


def signed(body: bytes, timestamp: float = NOW, secret: str = SECRET) -> dict[bytes, bytes]:
    stamp = str(int(timestamp)).encode()
    base = b"v0:" + stamp + b":" + body
    digest = hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()
    return {b"x-slack-request-timestamp": stamp, b"x-slack-signature": f"v0={digest}".encode()}


def refuse(headers: dict[bytes, bytes], body: bytes, now: float = NOW) -> Rejection | None:
    guard = RequestVerifier([SECRET, OLD_SECRET], FakeClock(now))
    return guard.verify_headers(headers) or guard.verify_body(headers, body)


def test_accepts_slacks_published_example() -> None:
    """The example in Slack's "Verifying requests" is accepted at its time."""
    body = (
        b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow"
        b"&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner"
        b"&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands"
        b"%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
        b"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
    )
    headers = {
        b"x-slack-request-timestamp": b"1531420618",
        b"x-slack-signature": b"v0=a2114d57b48eac39b9ad189dd8316235"
        b"a7b4a8d21a10bd27519666489c69b503",
    }
    assert refuse(headers, body, now=1531420618) is None


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_accepts_any_signed_body(body: str) -> None:
    """Any signed UTF-8 body is accepted."""
    assert refuse(signed(body.encode()), body.encode()) is None


@pytest.mark.parametrize(
    ("timestamp", "signature", "status"),
    [
        (None, None, 400),
        ("", "", 400),
        ("now", WELL_FORMED, 400),
        ("-1", WELL_FORMED, 400),
        ("1e9", WELL_FORMED, 400),
        ("٣٣", WELL_FORMED, 400),
        ("9" * 400, WELL_FORMED, 400),
        (f"{int(NOW)}\n", WELL_FORMED, 400),
        (str(int(NOW)), "v0=é", 400),
        (str(int(NOW)), "v0=abc", 400),
        (str(int(NOW)), "v1=" + "0" * 64, 400),
        (str(int(NOW)), WELL_FORMED, 401),
        (str(int(NOW)), None, 400),
    ],
)
def test_refuses_invalid_headers(timestamp: str | None, signature: str | None, status: int) -> None:
    """Missing or malformed headers are refused with a status, without an exception."""
    given = {b"x-slack-request-timestamp": timestamp, b"x-slack-signature": signature}
    headers = {name: value.encode() for name, value in given.items() if value is not None}
    refusal = refuse(headers, b"text=hello")
    assert refusal is not None
    assert refusal.status == status


@pytest.mark.parametrize("age", [MAX_TIMESTAMP_AGE_SECONDS + 1, -MAX_TIMESTAMP_AGE_SECONDS - 1])
def test_refuses_an_old_or_future_request(age: int) -> None:
    """A signed request from another time is refused as a replay."""
    assert refuse(signed(b"x", NOW - age), b"x") == Rejection(401, "the request is too old")


def test_accepts_the_old_secret_during_a_rotation() -> None:
    """Both secrets are valid during a rotation."""
    assert refuse(signed(b"x", secret=OLD_SECRET), b"x") is None
    assert refuse(signed(b"x", secret=SECRET), b"x") is None


@pytest.mark.parametrize(("length", "is_refused"), [(MAX_REQUEST_BYTES, False), (10**7, True)])
def test_refuses_a_long_body_by_its_content_length(length: int, is_refused: bool) -> None:
    """A body with a too large Content-Length is refused before it is read."""
    guard = RequestVerifier([SECRET], FakeClock(NOW))
    refusal = guard.verify_headers({**signed(b"x"), b"content-length": str(length).encode()})
    assert refusal == (TOO_LONG if is_refused else None)


def test_refuses_an_old_request_by_its_headers() -> None:
    """An old request is refused before its body is read."""
    guard = RequestVerifier([SECRET], FakeClock(NOW))
    assert guard.verify_headers(signed(b"x", NOW - MAX_TIMESTAMP_AGE_SECONDS - 1)) is not None


def test_refuses_a_changed_body() -> None:
    """A signature is valid only for its own body."""
    assert refuse(signed(b"text=list"), b"text=delete") is not None


def test_refuses_another_apps_signature() -> None:
    """A signature with another secret is refused."""
    assert refuse(signed(b"x", secret="another"), b"x") is not None


def test_refuses_a_body_that_is_not_utf8() -> None:
    """A signed body that isn't UTF-8 is refused."""
    assert refuse(signed(b"\xff\xfe"), b"\xff\xfe") == Rejection(400, "the body is not UTF-8")


@given(
    st.dictionaries(
        st.sampled_from([b"x-slack-request-timestamp", b"x-slack-signature"]), st.binary()
    ),
    st.binary(),
)
def test_never_fails(headers: dict[bytes, bytes], body: bytes) -> None:
    """Any unsigned request is refused without an exception."""
    assert refuse(headers, body) is not None


sendable = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


@given(sendable)
def test_reads_whatever_is_typed(text: str) -> None:
    """Commands are parsed unchanged, even with the word "payload"."""
    for typed in (text, f"payload {text}", f"{{payload={text}}}"):
        assert parse_body(urlencode({"command": "/emporix", "text": typed}))["text"] == typed


unread_names = sendable.map("unread_{}".format)


@given(st.dictionaries(unread_names, sendable, max_size=3))
def test_reads_json_and_payloads(fields: dict[str, str]) -> None:
    """Clicks are parsed from JSON in a form, events from plain JSON."""
    assert parse_body(json.dumps(fields)) == fields
    assert parse_body(urlencode({"payload": json.dumps(fields)})) == fields


@pytest.mark.parametrize("body", ["{", "payload=", "payload=1", "payload=[]", "{" * 100_000])
def test_refuses_an_unreadable_body(body: str) -> None:
    """Every unreadable body raises the same error."""
    with pytest.raises(ValueError, match=r".+"):
        parse_body(body)


def test_refuses_deeply_nested_json() -> None:
    """JSON that is nested too deeply raises the same error."""
    with pytest.raises(ValueError, match="deeply"):
        parse_body('{"a":' * 100_000)
