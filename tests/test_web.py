"""The HTTP endpoint answers requests from Slack and rejects all others with a status."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest

from bot.server import ServerLimits
from bot.slack.verification import MAX_REQUEST_BYTES
from tests.harness.app import AppHarness, open_app
from tests.harness.clock import NOW, FakeClock
from tests.harness.dispatch import DispatchSetup, open_dispatch
from tests.harness.signed_requests import FORM, Poster
from tests.harness.source_code import PROJECT

JSON = "application/json"
WELL_FORMED = "v0=" + "0" * 64
COMMAND = b"command=%2Femporix&text=help&user_id=U0ADA&team_id=T0ACME"


@pytest.fixture(scope="module")
async def harness(redis_url: str) -> AsyncIterator[AppHarness]:
    """For what never gets as far as to change anything: made once, because it takes a moment."""
    async with open_app(None, redis_url, FakeClock()) as opened:
        yield opened


@pytest.fixture
def knock(harness: AppHarness) -> Poster:
    return Poster(harness.http, harness.bot_url, harness.workspace.signing_secret, harness.clock)


async def raw(url: str, headers: bytes) -> bytes:
    """The status line of the response to invalid bytes."""
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    writer.write(b"POST /slack/events HTTP/1.1\r\nHost: bot\r\n" + headers + b"\r\n")
    async with asyncio.timeout(5):
        line = await reader.readline()
    writer.close()
    await writer.wait_closed()
    return line


async def test_takes_a_body_of_any_size_that_slack_sends(knock: Poster) -> None:
    """A body up to the limit is read."""
    answer = await knock.post(COMMAND + b"&pad=" + b"x" * (MAX_REQUEST_BYTES - len(COMMAND) - 5))
    assert answer.status_code == 200


async def test_refuses_a_body_that_is_too_long(knock: Poster) -> None:
    """A body over the limit is rejected."""
    assert (await knock.post(b"x" * (MAX_REQUEST_BYTES + 1))).status_code == 413


async def test_refuses_a_long_chunked_body(harness: AppHarness) -> None:
    """The size of chunked bodies is limited while they arrive."""

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b"x" * (MAX_REQUEST_BYTES // 10)

    headers = {"X-Slack-Request-Timestamp": str(int(NOW)), "X-Slack-Signature": WELL_FORMED}
    url = f"{harness.bot_url}/slack/events"
    answer = await harness.http.post(url, content=chunks(), headers=headers)
    assert answer.status_code == 413


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 400),
        ({"X-Slack-Signature": "v0=00"}, 400),
        ({"X-Slack-Request-Timestamp": "now", "X-Slack-Signature": WELL_FORMED}, 400),
        ({"X-Slack-Request-Timestamp": str(int(NOW)), "X-Slack-Signature": ""}, 400),
        ({"X-Slack-Request-Timestamp": str(int(NOW)), "X-Slack-Signature": WELL_FORMED}, 401),
        ({"X-Slack-Request-Timestamp": str(int(NOW) - 301), "X-Slack-Signature": WELL_FORMED}, 401),
    ],
)
async def test_refuses_unsigned_requests(
    harness: AppHarness, headers: dict[str, str], status: int
) -> None:
    """Unsigned and malformed requests are rejected with a status and a reason."""
    url = f"{harness.bot_url}/slack/events"
    answer = await harness.http.post(url, content=COMMAND, headers=headers)
    assert answer.status_code == status
    assert answer.text


@pytest.mark.parametrize("name", [b"X-Slack-Signature", b"X-Slack-Request-Timestamp"])
async def test_refuses_headers_that_are_not_ascii(harness: AppHarness, name: bytes) -> None:
    """Headers that are not ASCII are rejected with a status."""
    fine = {b"X-Slack-Signature": b"v0=00", b"X-Slack-Request-Timestamp": b"%d" % NOW}
    lines = [b"%s: %s\r\n" % pair for pair in (fine | {name: b"v0=\xff\xc3\xa9"}).items()]
    assert await raw(harness.bot_url, b"".join(lines) + b"Content-Length: 0\r\n") == (
        b"HTTP/1.1 400 Bad Request\r\n"
    )


async def test_does_not_wait_forever_for_a_body() -> None:
    """A sender that may be Slack has a few seconds for the body."""
    head = (
        b"Content-Length: 99\r\nX-Slack-Request-Timestamp: %d\r\nX-Slack-Signature: %b\r\n\r\nhalf"
        % (NOW, WELL_FORMED.encode())
    )
    async with open_dispatch(DispatchSetup((), limits=ServerLimits(body=0.05))) as harness:
        assert await raw(harness.workspace.bot_url, head) == b""


async def test_survives_an_interrupted_request(harness: AppHarness) -> None:
    """An incomplete body is rejected, and the next request is answered."""
    address = urlsplit(harness.bot_url)
    _, writer = await asyncio.open_connection(address.hostname, address.port)
    writer.write(b"POST /slack/events HTTP/1.1\r\nHost: bot\r\nContent-Length: 99\r\n\r\nhalf")
    await writer.drain()
    writer.transport.abort()
    assert (await harness.http.get(f"{harness.bot_url}/healthz")).status_code == 200


async def test_verifies_its_address_for_events(knock: Poster) -> None:
    """A signed challenge is answered, which Slack requires before it sends events."""
    body = b'{"token":"t","challenge":"3eZbrw1aBm2rZgRNFdxV","type":"url_verification"}'
    answer = await knock.post(body, JSON)
    assert (answer.status_code, answer.json()) == (200, {"challenge": "3eZbrw1aBm2rZgRNFdxV"})


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"\xff\xfe", FORM, 400),
        (b"{not json", JSON, 400),
        (b"payload={not json", FORM, 400),
        (b"payload=[]", FORM, 400),
        (b'payload={"team":5}', FORM, 400),
        (b'payload={"type":"view_submission"}', FORM, 400),
        (b'payload={"type":"block_actions","actions":[]}', FORM, 400),
        (b"payload=" + b"[" * 100_000, FORM, 400),
        (b"%%%", FORM, 404),
        (b"", FORM, 404),
        (b'{"type":"event_callback","event":{"type":"nobody_knows"}}', JSON, 404),
        (b"command=%2Fanother", FORM, 404),
    ],
)
async def test_refuses_a_malformed_request(
    knock: Poster, body: bytes, content_type: str, status: int
) -> None:
    """A signed but malformed request is rejected with a status."""
    assert (await knock.post(body, content_type)).status_code == status


async def test_answers_the_challenge(knock: Poster) -> None:
    """Slack checks the address of an app before it uses it."""
    body = json.dumps({"type": "url_verification", "token": "x", "challenge": "3eZbrw1aBm2rZg"})
    answer = await knock.post(body.encode(), JSON)
    assert (answer.status_code, answer.json()) == (200, {"challenge": "3eZbrw1aBm2rZg"})


@pytest.mark.parametrize("is_signed", [True, False])
async def test_answers_the_check_of_its_certificate(
    harness: AppHarness, knock: Poster, is_signed: bool
) -> None:
    """Slack's unsigned certificate checks are answered."""
    body = b"ssl_check=1&token=x"
    url = f"{harness.bot_url}/slack/events"
    answer = await (knock.post(body) if is_signed else harness.http.post(url, content=body))
    assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.parametrize("body", [b"ssl_check=0", b"", b"ssl_check=1&pad=" + b"x" * 2000])
async def test_answers_nothing_else_that_is_not_signed(harness: AppHarness, body: bytes) -> None:
    """An unsigned form is answered only if it is a certificate check of Slack's length."""
    answer = await harness.http.post(f"{harness.bot_url}/slack/events", content=body)
    assert answer.status_code == 400


async def test_logs_that_slack_holds_back_events(
    knock: Poster, caplog: pytest.LogCaptureFixture
) -> None:
    """The notice about rate-limited events is logged and acknowledged."""
    body = b'{"type":"app_rate_limited","team_id":"T0ACME","minute_rate_limited":1518467820}'
    assert (await knock.post(body, JSON)).status_code == 200
    assert "dropped events" in caplog.text


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
async def test_accepts_only_post_requests(harness: AppHarness, method: str) -> None:
    """Every method other than POST gets a 405."""
    answer = await harness.http.request(method, f"{harness.bot_url}/slack/events")
    assert answer.status_code == 405


async def test_says_that_it_is_well(harness: AppHarness) -> None:
    """Readiness is reported if the process and Redis answer."""
    health = await harness.http.get(f"{harness.bot_url}/healthz")
    assert health.json() == {"status": "ok", "running": 0}
    assert (await harness.http.get(f"{harness.bot_url}/readyz")).status_code == 200


async def test_is_not_ready_without_redis(clock: FakeClock) -> None:
    """Without Redis the process is alive but not ready."""
    async with open_app(None, "unix:///nowhere/redis.sock", clock) as harness:
        ready = await harness.http.get(f"{harness.bot_url}/readyz")
        assert ready.status_code == 503
        assert ready.json() == {"status": "Redis is unavailable", "trouble": "ConnectionError"}
        assert (await harness.http.get(f"{harness.bot_url}/healthz")).status_code == 200


@pytest.mark.parametrize(
    ("loaded", "made"), [("opentelemetry", "Starlette"), ("", "SlackEndpoint")]
)
def test_requests_can_be_traced(loaded: str, made: str) -> None:
    """With OpenTelemetry's agent, requests pass through Starlette, which the agent instruments."""
    source = (
        f"import sys, types\nsys.modules[{loaded!r}] = types.ModuleType('x')\n"
        "from bot.web import build_web\nprint(type(build_web(None, object())).__name__)"
    )
    command = [sys.executable, "-c", source]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == made
