"""The errors of the transport, over real sockets."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from bot.emporix.http import BodyTooLarge, UnexpectedEncoding, http_client
from tests.emporix.scripted import NOT_HTTP, TRUNCATED, Answer, cut, raw, reply, scripted, silence

PATIENT = httpx.Timeout(20)  # a busy machine is no reason to fail


async def get(url: str, limits: httpx.Timeout = PATIENT) -> httpx.Response:
    async with http_client(url, timeout=limits) as http:
        return await http.get("/jobs", headers={"Authorization": "Bearer the-token"})


@contextmanager
def closed_port() -> Iterator[str]:
    """An address where no server listens."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{reserved.getsockname()[1]}"


@contextmanager
def full_port() -> Iterator[str]:
    """An address that accepts no new connection because its queue is full."""
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(busy.getsockname())
        yield f"http://127.0.0.1:{busy.getsockname()[1]}"
        for one in waiting:
            one.close()


async def test_refused() -> None:
    """A refused connection is a ConnectError, so nothing was sent."""
    with closed_port() as url, pytest.raises(httpx.ConnectError):
        await get(url)


async def test_unresolvable() -> None:
    """An unknown host name is a ConnectError, so nothing was sent."""
    with pytest.raises(httpx.ConnectError):
        await get("http://nowhere.invalid")


async def test_connect_timeout() -> None:
    """A connection that is not made in time is a connect timeout, not a read timeout."""
    with full_port() as url, pytest.raises(httpx.ConnectTimeout):
        await get(url, httpx.Timeout(20, connect=0.2))


@pytest.mark.parametrize("answer", [cut, NOT_HTTP, raw(b"HTTP/1.1 200 OK\r\nContent-Le")])
async def test_cut_after_sending(answer: Answer) -> None:
    """A connection that is cut after the request was sent is never a ConnectError."""
    async with scripted(answer) as server:
        with pytest.raises(httpx.RemoteProtocolError):
            await get(server.url)
        assert server.targets == ["GET /jobs"]


@pytest.mark.parametrize(
    "answer",
    [TRUNCATED, raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n")],
)
async def test_truncated(answer: Answer) -> None:
    """An incomplete body is an error, not a shorter body."""
    async with scripted(answer) as server:
        with pytest.raises(httpx.ReadError):
            await get(server.url)


async def test_read_timeout() -> None:
    """A server that does not respond causes a read timeout."""
    async with scripted(silence) as server:
        with pytest.raises(httpx.ReadTimeout):
            await get(server.url, httpx.Timeout(20, read=0.2))


async def test_too_large() -> None:
    """A body above 10 MB is not read to its end."""
    async with scripted(reply(b"x" * (10 * 1024 * 1024 + 1))) as server:
        with pytest.raises(BodyTooLarge):
            await get(server.url)


async def test_largest_body() -> None:
    """A body of exactly 10 MB is read completely."""
    async with scripted(reply(b"x" * (10 * 1024 * 1024))) as server:
        assert len((await get(server.url)).content) == 10 * 1024 * 1024


async def test_a_delete_is_sent_once() -> None:
    """A DELETE that is cut on a kept-alive connection is not silently retried."""
    async with scripted(reply({}), cut, reply({})) as server, http_client(server.url) as http:
        await http.get("/jobs")
        with pytest.raises(httpx.RemoteProtocolError):
            await http.delete("/jobs/1")
        assert server.targets == ["GET /jobs", "DELETE /jobs/1"]
        assert server.connections == 1


async def test_errors_contain_no_token() -> None:
    """No error, nor its cause, contains the token of the request."""
    async with scripted(NOT_HTTP) as server:
        with pytest.raises(httpx.RemoteProtocolError) as caught:
            await get(server.url)
    assert "the-token" not in repr(caught.value) + repr(caught.value.__cause__)


async def test_no_cookies() -> None:
    """Cookies are not sent with later requests, because users share the client."""
    sticky = reply({}, headers={"Set-Cookie": "session=of-somebody; Path=/"})
    async with scripted(sticky, reply({})) as server:
        url = server.url.replace("127.0.0.1", "localhost")
        async with http_client(url) as http:
            await http.get("/jobs")
            await http.get("/jobs")
    assert all("cookie" not in request.headers for request in server.requests)


async def test_no_redirects() -> None:
    """A redirect is not followed, so that no token reaches another host."""
    elsewhere = reply(b"", status=302, headers={"Location": "/elsewhere"})
    async with scripted(elsewhere) as server:
        assert (await get(server.url)).status_code == 302
        assert len(server.requests) == 1


@pytest.mark.parametrize("coding", ["gzip", "br", "deflate", "zstd", "x-unknown", "a b\tc", "é"])
@pytest.mark.parametrize("status", [200, 404, 503])
async def test_compressed_bodies_are_not_read(coding: str, status: int) -> None:
    """A compressed body, which could be huge, is not read, and the error sanitizes its encoding."""
    answer = reply(b"x" * 100, status=status, headers={"Content-Encoding": coding})
    async with scripted(answer) as server:
        with pytest.raises(UnexpectedEncoding) as caught:
            await get(server.url)
    assert caught.value.coding in (coding, "an unknown coding")
    assert caught.value.coding.isprintable()
    assert caught.value.coding.isascii()


@pytest.mark.parametrize("coding", ["identity", "Identity", ""])
async def test_identity_bodies_are_read(coding: str) -> None:
    """A body with the encoding identity is read."""
    async with scripted(reply([1], headers={"Content-Encoding": coding})) as server:
        assert (await get(server.url)).json() == [1]


async def test_parser_errors_do_not_quote_the_response() -> None:
    """The error has the parser's reason, but no part of the response."""
    both = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nsecret"
    async with scripted(raw(both)) as server:
        with pytest.raises(httpx.RemoteProtocolError, match="Transfer-Encoding") as caught:
            await get(server.url)
    assert "secret" not in str(caught.value)
