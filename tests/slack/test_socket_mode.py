"""Socket Mode: one connection is always open, and no accepted request loses its ack."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from slack_bolt.response import BoltResponse
from slack_sdk.web.async_client import AsyncWebClient

from bot.logs import LIBRARY_LOGGERS
from bot.slack.socket_mode import HEARTBEAT_SECONDS, LOST, ConnectionTimes, SocketMode
from bot.slack.verification import Rejection
from sandbox.server import serving
from sandbox.slack.app import create_app as create_slack
from sandbox.slack.faults import Fault
from sandbox.slack.socket_mode import EVENTS_API, NoConnection, SocketConnection, SocketModeServer
from sandbox.slack.workspace import Workspace
from tests.harness.clock import FakeClock
from tests.test_http_session import tls_server

SOON = 10.0
SLACK_SECONDS = 3.0
AS_IN_PRODUCTION = ConnectionTimes()


class Pauses:
    """Records the delays between attempts; each one ends when the test says so, or at once."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.may_end = asyncio.Event()
        self.may_end.set()

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)
        await asyncio.sleep(0)
        await self.may_end.wait()


@dataclass
class App:
    """The app's answers: the bodies that it got, and what it answers, when it may."""

    bodies: list[dict[str, Any]] = field(default_factory=list)
    answered: list[asyncio.Event] = field(default_factory=list)
    response: BoltResponse | Rejection = field(default_factory=lambda: BoltResponse(status=200))
    may_answer: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self, body: str, answered: asyncio.Event) -> BoltResponse | Rejection:
        self.bodies.append(json.loads(body))
        self.answered.append(answered)
        await self.may_answer.wait()
        return self.response


@dataclass
class Setup:
    """A `SocketMode` and Slack's side of it."""

    app: App
    slack: SocketModeServer
    socket_mode: SocketMode
    pauses: Pauses
    workspace: Workspace
    slack_url: str

    async def deliver(self, kind: str = "slash_commands", seconds: float = SLACK_SECONDS) -> Any:
        return await self.slack.deliver(kind, {"text": f"{len(self.slack.sent)}"}, seconds)

    async def until(self, count: int) -> list[SocketConnection]:
        async with asyncio.timeout(SOON):
            await self.slack.until_connected(count)
        return list(self.slack.connections)

    async def until_trouble(self, trouble: str) -> None:
        async with asyncio.timeout(SOON):
            while not self._shows(trouble):  # noqa: ASYNC110 - another task is watched
                await asyncio.sleep(0.001)

    def _shows(self, trouble: str) -> bool:
        found = self.socket_mode.trouble
        return found.startswith(trouble) if trouble else not found


@asynccontextmanager
async def opened(times: ConnectionTimes = AS_IN_PRODUCTION) -> AsyncIterator[Setup]:
    workspace, app, pauses = Workspace(FakeClock()), App(), Pauses()
    app.may_answer.set()
    workspace.socket_mode.is_enabled = True
    async with (
        serving(create_slack(workspace)) as slack_url,
        aiohttp.ClientSession() as session,
    ):
        client = AsyncWebClient("xoxb-bot", base_url=f"{slack_url}/api/", session=session)
        token = workspace.socket_mode.app_token
        socket_mode = SocketMode(token, client, session, app.answer, pauses, times)
        yield Setup(app, workspace.socket_mode, socket_mode, pauses, workspace, slack_url)
        await socket_mode.close()
        assert workspace.socket_mode.invalid_acks == []


@pytest.fixture
async def setup() -> AsyncIterator[Setup]:
    """Connected."""
    async with opened() as found:
        found.socket_mode.start()
        await found.until(1)
        await found.until_trouble("")
        yield found


async def until_read(connection: SocketConnection) -> None:
    """Wait until the app has read everything: it answers a ping after what came before."""
    pongs = connection.pongs
    await connection.socket.ping()
    async with asyncio.timeout(SOON):
        while connection.pongs == pongs:  # noqa: ASYNC110 - the app is watched
            await asyncio.sleep(0.001)


JSON_HEADERS: dict[str, str | Sequence[str]] = {"content-type": ["application/json;charset=utf-8"]}
ERRORS = {"response_action": "errors", "errors": {"tenant": "is missing"}}


@pytest.mark.parametrize(
    ("response", "payload"),
    [
        (BoltResponse(status=200), None),
        (BoltResponse(status=200, body="Busy."), {"text": "Busy."}),
        (BoltResponse(status=200, body=json.dumps(ERRORS), headers=JSON_HEADERS), ERRORS),
    ],
    ids=["empty", "text", "json"],
)
async def test_acks_carry_what_http_has_in_the_body(
    setup: Setup, response: BoltResponse, payload: Any
) -> None:
    """The ack has the envelope's id and the payload, and only then counts as answered."""
    setup.app.response = response
    body = {"type": "view_submission"}
    assert await setup.slack.deliver("interactive", body, SLACK_SECONDS) == payload
    async with asyncio.timeout(SOON):
        await setup.app.answered[0].wait()
    assert setup.app.bodies == [body]


@pytest.mark.parametrize(
    "response", [BoltResponse(status=503), BoltResponse(status=404), Rejection(400, "malformed")]
)
async def test_what_http_refuses_is_not_acknowledged(
    setup: Setup, response: BoltResponse | Rejection, caplog: pytest.LogCaptureFixture
) -> None:
    """Without status 200 there is no ack, so Slack sends the request again; the wait still ends."""
    setup.app.response = response
    with pytest.raises(TimeoutError):
        await setup.deliver(EVENTS_API, seconds=0.05)
    assert setup.app.answered[0].is_set()
    is_malformed = "a request is not acknowledged: malformed" in caplog.messages
    assert is_malformed is isinstance(response, Rejection)


async def test_a_request_may_be_as_long_as_over_http(
    setup: Setup, caplog: pytest.LogCaptureFixture
) -> None:
    """Up to 1 MB is answered; a longer request is not, and the connection stays."""
    room = 1_000_000 - len('{"text": ""}')
    assert await setup.slack.deliver("interactive", {"text": "x" * room}, SOON) is None
    with pytest.raises(TimeoutError):
        await setup.slack.deliver("interactive", {"text": "x" * (room + 1)}, 0.3)
    assert len(setup.app.bodies) == 1
    assert "a request is not acknowledged: the body is too long" in caplog.messages
    assert await setup.deliver() is None
    assert len({sent.connection for sent in setup.slack.sent}) == 1


async def test_requests_do_not_wait_for_each_other(setup: Setup) -> None:
    """A request is answered while others are still being answered."""
    setup.app.may_answer.clear()
    deliveries = [asyncio.create_task(setup.deliver()) for _ in range(20)]
    async with asyncio.timeout(SOON):
        while len(setup.app.bodies) < 20:  # noqa: ASYNC110 - another task is watched
            await asyncio.sleep(0.001)
    setup.app.may_answer.set()
    assert await asyncio.gather(*deliveries) == [None] * 20


UNREADABLE: list[str | bytes] = [
    *("", "[]", "{", '{"type": 3}', "{}", "[" * 100_000, '"hello"', "9" * 5000),
    '{"type": "new", "envelope_id": "1"}',
    '{"type": "interactive", "payload": {}}',
    *(f'{{"type": "interactive", "envelope_id": "1", "payload": {it}}}' for it in ("[1]", "null")),
    b"\xff\xfe",
]


@pytest.mark.parametrize("message", UNREADABLE)
async def test_unreadable_messages_change_nothing(
    setup: Setup, message: str | bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """A message that is neither an envelope nor hello nor disconnect is logged and ignored.

    The connection stays, and later requests are answered.
    """
    (only,) = setup.slack.connections
    send = only.socket.send_str if isinstance(message, str) else only.socket.send_bytes
    await send(message)  # type: ignore[arg-type]
    await until_read(only)
    assert caplog.messages.count("a message from Slack is unreadable: it is ignored") == 1
    assert await setup.deliver() is None
    assert len(setup.app.bodies) == 1
    assert setup.slack.connections == [only]


async def test_a_binary_message_is_read_like_text(setup: Setup) -> None:
    """An envelope in a binary message is answered, too."""
    (only,) = setup.slack.connections
    envelope = {"type": "interactive", "envelope_id": "1", "payload": {"text": "x"}}
    await only.socket.send_bytes(json.dumps(envelope).encode())
    await until_read(only)
    assert setup.app.bodies == [{"text": "x"}]
    assert json.loads(setup.slack.invalid_acks.pop()) == {"envelope_id": "1"}


@pytest.mark.parametrize("reason", [None, "", "a reason <!channel>", 3])
async def test_a_disconnect_without_a_readable_reason(
    setup: Setup, reason: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """The connection is replaced whatever the reason is; only codes are logged."""
    caplog.set_level("INFO")
    (old,) = setup.slack.connections
    await old.send({"type": "disconnect", "reason": reason})
    await setup.until(2)
    shown = "3" if reason == 3 else "unreadable reason"
    assert f"Slack replaces the connection: {shown}" in caplog.messages


async def test_a_new_connection_is_open_before_the_old_one_closes(setup: Setup) -> None:
    """After a warning, both connections deliver requests until Slack closes the old one."""
    (old,) = setup.slack.connections
    await old.disconnect("warning")
    _, new = await setup.until(2)
    for _ in range(4):
        assert await setup.deliver() is None
    assert {sent.connection for sent in setup.slack.sent} == {old.number, new.number}
    assert len(setup.slack.sent) == 4  # none had to be sent again
    await old.disconnect("refresh_requested")
    await old.socket.close()
    assert await setup.until(1) == [new]
    assert setup.socket_mode.trouble == ""
    assert await setup.deliver() is None
    assert len(setup.app.bodies) == 5


async def test_acks_go_over_the_connection_of_their_request(setup: Setup) -> None:
    """A request that is answered after a refresh is acknowledged over the old connection."""
    (old,) = setup.slack.connections
    setup.app.may_answer.clear()
    delivery = asyncio.create_task(setup.deliver())
    await asyncio.sleep(0)
    await old.disconnect("warning")
    await setup.until(2)
    setup.app.may_answer.set()
    assert await delivery is None
    assert [sent.connection for sent in setup.slack.sent] == [old.number]


async def test_a_cut_connection_is_replaced_at_once(setup: Setup) -> None:
    """After a cut, the request that was not acknowledged arrives again by a new connection."""
    (old,) = setup.slack.connections
    setup.app.may_answer.clear()
    delivery = asyncio.create_task(setup.deliver())
    async with asyncio.timeout(SOON):
        while not setup.app.bodies:  # noqa: ASYNC110 - another task is watched
            await asyncio.sleep(0.001)
    old.cut()
    setup.app.may_answer.set()
    assert await delivery is None
    assert [body["text"] for body in setup.app.bodies] == ["0", "0"]
    assert setup.slack.sent[1].envelope["retry_reason"] == "connection_closed"


async def test_a_lost_ack_has_one_line_in_the_log(
    setup: Setup, caplog: pytest.LogCaptureFixture
) -> None:
    """An ack for a lost connection is logged once, and sent over no other connection."""
    (old,) = setup.slack.connections
    setup.pauses.may_end.clear()
    setup.app.may_answer.clear()
    delivery = asyncio.create_task(setup.deliver())
    async with asyncio.timeout(SOON):
        while not setup.app.bodies:  # noqa: ASYNC110 - another task is watched
            await asyncio.sleep(0.001)
    old.cut()
    await setup.until_trouble(LOST)
    setup.app.may_answer.set()
    async with asyncio.timeout(SOON):
        await setup.app.answered[0].wait()
    assert [record.getMessage() for record in caplog.records if record.levelname == "WARNING"] == [
        "no connection to Slack: connection lost; trying again",
        "an ack could not be sent: the connection to Slack was lost",
    ]
    setup.pauses.may_end.set()
    assert await delivery is None


def test_a_dead_connection_is_noticed_in_15_seconds() -> None:
    """aiohttp pings after the heartbeat, and waits half of it for the pong: 15 s, below 30 s."""
    assert HEARTBEAT_SECONDS * 1.5 == 15.0


async def test_a_silently_dead_connection_is_replaced() -> None:
    """A connection that answers no ping is replaced, and while it is, `trouble` says so."""
    async with opened(ConnectionTimes(heartbeat=0.1)) as setup:
        setup.pauses.may_end.clear()
        setup.socket_mode.start()
        (dead,) = await setup.until(1)
        dead.is_silent = True
        await setup.until_trouble(LOST)
        setup.pauses.may_end.set()
        async with asyncio.timeout(SOON):
            while setup.slack.connections in ([], [dead]):  # noqa: ASYNC110 - the app is watched
                await asyncio.sleep(0.001)
        await setup.until_trouble("")


async def test_a_living_connection_stays() -> None:
    """Pings of both sides are answered, so an idle connection stays open."""
    async with opened(ConnectionTimes(heartbeat=0.02)) as setup:
        setup.socket_mode.start()
        (only,) = await setup.until(1)
        for _ in range(5):
            await only.socket.ping()
        async with asyncio.timeout(SOON):
            while only.pongs < 6:  # noqa: ASYNC110 - the app is watched
                await asyncio.sleep(0.02)
        assert setup.slack.connections == [only]


async def test_attempts_are_delayed_more_and_more(caplog: pytest.LogCaptureFixture) -> None:
    """Delays double from 0.5 s up to 60 s, each reduced by up to half, and one line says why."""
    async with opened() as setup:
        setup.workspace.faults.add(Fault("status", times=9, status=503))
        setup.socket_mode.start()
        await setup.until(1)
    exact = [0.5, 1, 2, 4, 8, 16, 32, 60, 60]
    assert len(setup.pauses.seconds) == len(exact)
    pairs = list(zip(setup.pauses.seconds, exact, strict=True))
    assert all(most / 2 <= seconds <= most for seconds, most in pairs)
    assert len({seconds / most for seconds, most in pairs}) > 1
    warnings = [line for line in caplog.messages if line.startswith("no connection to Slack")]
    assert warnings == ["no connection to Slack: internal_error: a problem at Slack; trying again"]


async def refresh_once(setup: Setup) -> None:
    """Let Slack replace the only connection."""
    (old,) = setup.slack.connections
    await old.disconnect("warning")
    await setup.until(2)
    await old.socket.close()
    await setup.until(1)


async def test_a_refresh_is_not_delayed() -> None:
    """After a warning the next connection is opened at once, however often that happens."""
    async with opened(ConnectionTimes(min_refresh=0)) as setup:
        setup.socket_mode.start()
        await setup.until(1)
        for _ in range(3):
            await refresh_once(setup)
    assert setup.pauses.seconds == []


async def test_refreshes_one_after_another_are_delayed(setup: Setup) -> None:
    """If each connection is to be replaced within a second, the delays grow."""
    for _ in range(3):
        await refresh_once(setup)
    first, _, third = setup.pauses.seconds
    assert first <= 0.5
    assert third >= 1.0


async def test_connections_that_last_start_with_the_first_delay() -> None:
    """Delays start again after a connection that lasted, and grow after others."""
    for stable, most in ((0.0, 0.5), (60.0, 2.0)):
        async with opened(ConnectionTimes(stable=stable)) as setup:
            setup.socket_mode.start()
            for number in range(3):
                (only,) = await setup.until(1)
                await setup.until_trouble("")
                only.cut()
                async with asyncio.timeout(SOON):
                    while only in setup.slack.connections or len(setup.pauses.seconds) <= number:  # noqa: ASYNC110 - the app is watched
                        await asyncio.sleep(0.001)
            await setup.until(1)
        assert most / 2 <= setup.pauses.seconds[-1] <= most


async def test_a_replaced_connection_is_closed_after_a_while() -> None:
    """If Slack doesn't close a replaced connection, the app does."""
    async with opened(ConnectionTimes(retire=0.05)) as setup:
        setup.socket_mode.start()
        (old,) = await setup.until(1)
        await old.disconnect("warning")
        await setup.until(2)
        assert old not in await setup.until(1)


async def test_waits_as_long_as_slack_says() -> None:
    """After a rate limit, the next attempt comes after its Retry-After."""
    async with opened() as setup:
        setup.workspace.faults.add(Fault("rate_limit", retry_after=45))
        setup.socket_mode.start()
        await setup.until(1)
    assert setup.pauses.seconds == [45.0]


async def test_a_network_error_is_retried_soon() -> None:
    """Only Slack's own Retry-After is a reason to wait longer than the first delay.

    A connection is often lost because of a network problem that also breaks the next attempt.
    """
    async with opened() as setup:
        setup.slack.addresses.append("ws://127.0.0.1:1/link/?ticket=very-private")
        setup.socket_mode.start()
        await setup.until(1)
    assert len(setup.pauses.seconds) == 1
    assert setup.pauses.seconds[0] <= 0.5


UNREACHABLE = {
    "ws://127.0.0.1:1/link/": "ClientConnectorError: check the network and the proxies",
    "{slack}/link/": (
        "WSServerHandshakeError 404: check that proxies and firewalls allow WebSockets"
    ),
    "{self_signed}/link/": (
        "ClientConnectorCertificateError: "
        "set SSL_CERT_FILE to the certificate of the server's authority"
    ),
    "None": "InvalidUrlClientError: check the network and the proxies",
}


@pytest.mark.parametrize("address", UNREACHABLE)
async def test_a_connection_that_fails_says_what_to_check(
    address: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The log and `trouble` name the error and a next step, but never the address."""
    async with opened() as setup, tls_server(tmp_path) as (self_signed, _):
        found = address.format(slack=setup.slack_url, self_signed=self_signed)
        setup.slack.addresses.append(f"{found}?ticket=very-private")
        setup.pauses.may_end.clear()
        setup.socket_mode.start()
        await setup.until_trouble(UNREACHABLE[address])
        setup.pauses.may_end.set()
        await setup.until(1)
    words = f"no connection to Slack: {UNREACHABLE[address]}; trying again"
    assert caplog.messages.count(words) == 1
    assert "very-private" not in caplog.text


async def test_a_page_of_a_proxy_is_recognized() -> None:
    """A response that is not Slack's is named as such."""
    async with opened() as setup:
        setup.workspace.faults.add(Fault("html", status=403))
        setup.pauses.may_end.clear()
        setup.socket_mode.start()
        await setup.until_trouble("a response with status 403 is not from Slack: check the prox")
        setup.pauses.may_end.set()


class BrokenClient(AsyncWebClient):
    """Raises what slack_sdk raises if the response is a JSON list."""

    async def apps_connections_open(self, *, app_token: str, **kwargs: Any) -> Any:
        raise AttributeError("'list' object has no attribute 'get'")


async def test_an_unexpected_error_ends_no_attempts(caplog: pytest.LogCaptureFixture) -> None:
    """After an error that is not one of Slack's, attempts go on, and `trouble` says where to look.

    An earlier reason, or that the process is connecting, would be wrong.
    """
    pauses = Pauses()
    async with aiohttp.ClientSession() as session:
        socket_mode = SocketMode("xapp-1", BrokenClient(), session, App().answer, pauses)
        socket_mode.start()
        async with asyncio.timeout(SOON):
            while len(pauses.seconds) < 3:  # noqa: ASYNC110 - another task is watched
                await asyncio.sleep(0.001)
        assert socket_mode.trouble == "an unexpected error: its traceback is in the log"
        await socket_mode.close()
    assert {record.getMessage() for record in caplog.records} == {"unexpected"}


REFUSED = {
    "invalid_auth": "create an app-level token (Basic Information) and set SLACK_APP_TOKEN",
    "token_revoked": "create an app-level token (Basic Information) and set SLACK_APP_TOKEN",
    "missing_scope": "the token needs the scope connections:write",
    "not_allowed_token_type": "SLACK_APP_TOKEN is not an app-level token",
    "too_many_websockets": "Slack allows 10 connections of an app",
    "accesslimited": "look up this code at https://docs.slack.dev/reference/methods/",
}


@pytest.mark.parametrize("code", REFUSED)
async def test_a_refusal_says_what_to_do(code: str, caplog: pytest.LogCaptureFixture) -> None:
    """A permanent refusal is an error in the log, once, with a next step, and retried."""
    async with opened() as setup:
        setup.workspace.faults.add(Fault("refuse", times=3, error=code))
        setup.pauses.may_end.clear()
        setup.socket_mode.start()
        await setup.until_trouble(f"{code}: {REFUSED[code]}")
        setup.pauses.may_end.set()
        await setup.until(1)
        await setup.until_trouble("")
    errors = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert len(errors) == 1
    assert errors[0].startswith(f"Slack refuses the connection: {code}: {REFUSED[code]}")


async def test_socket_mode_that_is_turned_off_and_on(
    setup: Setup, caplog: pytest.LogCaptureFixture
) -> None:
    """link_disabled is an error in the log, and the app connects again when it is turned on."""
    setup.pauses.may_end.clear()
    await setup.slack.disable_link()
    words = "link_disabled: turn on Socket Mode in the settings of the Slack app"
    await setup.until_trouble(words)
    setup.pauses.may_end.set()
    async with asyncio.timeout(SOON):
        while len(setup.pauses.seconds) < 5:  # noqa: ASYNC110 - another task is watched
            await asyncio.sleep(0.001)
    setup.slack.is_enabled = True
    await setup.until(1)
    assert caplog.messages.count(f"Slack refuses the connection: {words}") == 1


async def test_leaves_room_if_there_are_too_many_connections(setup: Setup) -> None:
    """An eleventh connection is closed first, and opened again after a delay."""
    (old,) = setup.slack.connections
    setup.pauses.may_end.clear()
    await old.disconnect("too_many_websockets")
    await setup.until(0)
    assert setup.socket_mode.trouble.startswith("too_many_websockets: Slack allows 10")
    setup.pauses.may_end.set()
    await setup.until(1)


async def test_stops_after_the_acks_of_accepted_requests(setup: Setup) -> None:
    """After `stop`, accepted requests are acknowledged, and later ones go to other processes."""
    setup.app.may_answer.clear()
    accepted = asyncio.create_task(setup.deliver())
    async with asyncio.timeout(SOON):
        while not setup.app.bodies:  # noqa: ASYNC110 - another task is watched
            await asyncio.sleep(0.001)
    setup.socket_mode.stop()
    (connection,) = setup.slack.connections
    refused = asyncio.create_task(setup.deliver(seconds=0.3))
    await until_read(connection)
    setup.app.may_answer.set()
    await setup.socket_mode.close()
    assert await accepted is None
    assert len(setup.app.bodies) == 1
    with pytest.raises(TimeoutError):
        await refused
    with pytest.raises(NoConnection):
        await setup.deliver()


async def test_stops_while_it_connects() -> None:
    """Stopping ends an attempt that is under way, and leaves no connection behind."""
    async with opened() as setup:
        setup.workspace.faults.add(Fault("delay", seconds=0.05))
        setup.socket_mode.start()
        await asyncio.sleep(0)
        await setup.socket_mode.close()
        assert setup.slack.connections == []


async def test_the_log_has_no_secret_and_no_payload(
    setup: Setup, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither the token nor the address with its ticket nor a payload is logged, even by slack_sdk.

    At DEBUG, the loggers of libraries stay at WARNING or above (`bot.logs`).
    """
    assert {"slack_sdk", "aiohttp"} <= set(LIBRARY_LOGGERS)
    await setup.slack.deliver("slash_commands", {"text": "very-private"}, SLACK_SECONDS)
    setup.slack.connections[0].cut()
    await setup.until(0)
    await setup.until(1)
    for secret in (setup.slack.app_token, "ticket", "very-private"):
        assert secret not in caplog.text
