"""The HTTP server limits unverified requests in size, time and number, and stops gracefully."""

from __future__ import annotations

import asyncio
import logging
import resource
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest
from starlette.types import Receive, Scope, Send

from bot.server import (
    CONNECTION_STATE_KEY,
    HttpConnection,
    JoinedWrites,
    RejectionLog,
    Server,
    ServerLimits,
    allowed_connections,
    listen,
)
from sandbox.server import serving
from tests.harness.clock import FakeClock

LIMITS = ServerLimits()
START = b"POST / HTTP/1.1\r\nHost: bot\r\n"
END = b"Content-Length: 0\r\n\r\n"


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Says yes; what comes to /signed is verified, as a signed request is."""
    if scope["type"] == "lifespan":
        return
    connection: HttpConnection = scope["state"][CONNECTION_STATE_KEY]
    if scope["path"] == "/signed":
        connection.mark_verified()
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]}
    )
    await send({"type": "http.response.body", "body": b"ok"})


@dataclass(frozen=True, slots=True)
class Client:
    """A raw connection to the server."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def status(self) -> int:
        """The status of the next response; 0 if the server closes the connection instead."""
        async with asyncio.timeout(10):
            try:
                head = await self.reader.readuntil(b"\r\n\r\n")
                await self.reader.readexactly(2 if b"200 OK" in head else 0)
            except (asyncio.IncompleteReadError, ConnectionError):
                return 0
        return int(head.split(b" ")[1])

    async def close(self) -> None:
        self.writer.close()
        with suppress(ConnectionError):
            await self.writer.wait_closed()

    async def is_closed(self) -> bool:
        async with asyncio.timeout(10):
            try:
                return await self.reader.read() == b""
            except ConnectionError:
                return True


Connects = Callable[[], Awaitable[Client]]


@asynccontextmanager
async def connecting(limits: ServerLimits = LIMITS) -> AsyncIterator[Connects]:
    async with (
        serving(app, made_by=lambda served: Server(served, limits)) as url,
        AsyncExitStack() as opened,
    ):
        address = urlsplit(url)

        async def connect() -> Client:
            client = Client(*await asyncio.open_connection(address.hostname, address.port))
            opened.push_async_callback(client.close)
            return client

        yield connect


class RecordingTransport(asyncio.Transport):
    """Remembers what is sent."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[bytes] = []
        self.closed = False
        self.has_sent = asyncio.Event()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.sent.append(bytes(data))
        self.has_sent.set()

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = True


@pytest.mark.parametrize(
    ("ending", "closed"), [(b"", False), (b"Connection: close\r\n", True)], ids=["kept", "closed"]
)
async def test_a_response_is_sent_in_one_piece(ending: bytes, closed: bool) -> None:
    """The head and the body of a response are one write, also if the connection then closes."""
    server, transport = Server(app), RecordingTransport()
    server.config.load()
    connection = HttpConnection(server.config, server.server_state, {})
    connection.connection_made(transport)
    connection.data_received(START + ending + END)
    async with asyncio.timeout(10):
        await transport.has_sent.wait()
    (sent,) = transport.sent
    assert sent.startswith(b"HTTP/1.1 200 OK")
    assert sent.endswith(b"\r\n\r\nok")
    assert transport.closed == closed
    connection.connection_lost(None)


async def test_a_client_that_sends_no_more_gets_its_response() -> None:
    """A response that was written is sent before the end of the request closes the connection."""
    server, transport = Server(app), RecordingTransport()
    server.config.load()
    connection = HttpConnection(server.config, server.server_state, {})
    connection.connection_made(transport)
    connection.data_received(START + END)
    async with asyncio.timeout(10):
        while not connection.cycle.response_complete:  # noqa: ASYNC110 - uvicorn sets a flag
            await asyncio.sleep(0)
    connection.eof_received()
    transport.close()
    connection.connection_lost(None)
    assert b"".join(transport.sent).endswith(b"\r\n\r\nok")


async def test_nothing_is_sent_to_a_closed_connection() -> None:
    """What is written is dropped if the connection is lost before it is sent."""
    transport = RecordingTransport()
    joined = JoinedWrites(transport, asyncio.get_running_loop())
    joined.write(b"late")
    transport.abort()
    await asyncio.sleep(0)
    joined.close()
    assert transport.sent == []


@pytest.mark.parametrize(
    "head",
    [
        START + b"X: a\r\n" * (LIMITS.headers + 1) + END,
        START + b"X: " + b"a" * LIMITS.head_bytes + b"\r\n" + END,
        b"POST /" + b"a" * LIMITS.head_bytes + b" HTTP/1.1\r\nHost: bot\r\n" + END,
        START + b"X: a\r\n" * (LIMITS.headers + 1),
        START + b"X: " + b"a" * (2 * LIMITS.head_bytes),
        b"POST /" + b"a" * (2 * LIMITS.head_bytes),
    ],
    ids=["headers", "header", "address", "headers forever", "header forever", "address forever"],
)
async def test_refuses_a_large_head(head: bytes) -> None:
    """Request headers are limited in bytes and number, even while they are incomplete."""
    async with connecting() as connect:
        client = await connect()
        await client.send(head)
        assert await client.status() == 431
        assert await client.is_closed()


async def test_takes_a_head_of_any_size_that_is_allowed() -> None:
    """Requests within the limits are answered, several per connection too."""
    async with connecting() as connect:
        client = await connect()
        for _ in range(3):
            await client.send(START + b"X: " + b"a" * 600 + b"\r\n")
            await client.send((b"X: " + b"a" * 600 + b"\r\n") * (LIMITS.headers - 3) + END)
            assert await client.status() == 200


async def test_refuses_what_is_not_http() -> None:
    """Data that isn't HTTP gets status 400, and the connection is closed."""
    async with connecting() as connect:
        client = await connect()
        await client.send(b"\x16\x03\x01 TLS, perhaps\r\n\r\n")
        assert await client.status() == 400


@pytest.mark.parametrize("begun", [b"", b"\r\n", START, START + END, START + END + b"\r\n"])
async def test_does_not_wait_forever_for_a_head(begun: bytes) -> None:
    """A connection without a complete request in time is closed, also after a response."""
    async with connecting(ServerLimits(head=0.05, unverified_idle=0.05)) as connect:
        client = await connect()
        await client.send(begun)
        if END in begun:
            assert await client.status() == 200
        assert await client.is_closed()


async def test_the_oldest_unverified_connection_makes_room() -> None:
    """Idle connections don't keep out new ones, and verified ones stay open."""
    async with connecting(ServerLimits(connections=5)) as connect:
        slack = await connect()
        await slack.send(b"POST /signed HTTP/1.1\r\nHost: bot\r\n" + END)
        assert await slack.status() == 200
        idle = [await connect() for _ in range(12)]
        new = await connect()
        await new.send(START + END)
        assert await new.status() == 200
        assert [await client.is_closed() for client in idle[:8]] == [True] * 8
        await slack.send(START + END)
        assert await slack.status() == 200


async def test_refuses_more_where_all_others_are_verified() -> None:
    """A new connection is rejected only if all open ones are verified."""
    async with connecting(ServerLimits(connections=2)) as connect:
        for _ in range(2):
            slack = await connect()
            await slack.send(b"POST /signed HTTP/1.1\r\nHost: bot\r\n" + END)
            assert await slack.status() == 200
        new = await connect()
        await new.send(START + END)
        assert await new.status() == 503


async def test_a_verified_connection_is_kept_for_longer() -> None:
    """Proxies that keep connections open close them first."""
    async with connecting(ServerLimits(unverified_idle=0.05, verified_idle=60)) as connect:
        slack, other = await connect(), await connect()
        await slack.send(b"POST /signed HTTP/1.1\r\nHost: bot\r\n" + END)
        await other.send(START + END)
        assert (await slack.status(), await other.status()) == (200, 200)
        assert await other.is_closed()
        await slack.send(START + END)
        assert await slack.status() == 200


async def test_refusals_are_logged_once_a_second(caplog: pytest.LogCaptureFixture) -> None:
    """Many rejected requests cause one log line a second, with a count per reason."""
    clock = FakeClock()
    refusals = RejectionLog(clock)
    for reason in ("too old", "too old", "not HTTP", "too old"):
        refusals.add(reason)
    assert caplog.messages == ["refused requests: 1: too old (1)"]
    clock.now += 1
    refusals.log()
    assert caplog.messages[1:] == ["refused requests: 3: too old (2), not HTTP (1)"]
    refusals.log()
    assert len(caplog.messages) == 2


async def test_bad_requests_do_not_flood_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """uvicorn's own line for each bad request isn't logged."""
    caplog.set_level(logging.INFO)
    async with connecting() as connect:
        for _ in range(20):
            client = await connect()
            await client.send(b"no request\r\n\r\n")
            assert await client.status() == 400
    assert len([one for one in caplog.records if one.levelno >= logging.WARNING]) == 1


@pytest.mark.parametrize(
    ("host", "families"),
    [
        ("127.0.0.1", [socket.AF_INET]),
        ("0.0.0.0", [socket.AF_INET]),
        ("::1", [socket.AF_INET6]),
        ("::", [socket.AF_INET, socket.AF_INET6]),
    ],
)
async def test_listens_on_an_address(host: str, families: list[socket.AddressFamily]) -> None:
    """HOST may be an IPv4 or IPv6 address, and :: accepts both."""
    local = {socket.AF_INET: "127.0.0.1", socket.AF_INET6: "::1"}
    with listen(host, 0) as listening:
        port = listening.getsockname()[1]
        for family in families:
            with socket.socket(family) as client:
                client.connect((local[family], port))


def test_keeps_half_of_the_descriptors_for_others() -> None:
    """The limit of connections leaves file descriptors for Redis, Slack and Emporix."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = allowed_connections()
    now, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert now >= soft
    assert allowed <= now // 2
