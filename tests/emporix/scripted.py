"""A server on a real socket that follows a script, including invalid HTTP."""

from __future__ import annotations

import asyncio
import json
import ssl
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Received:
    """A request as it was received; `target` is the raw path and query string."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


Answer = Callable[[StreamReader, StreamWriter], Awaitable[None]]
"""Writes an answer; the connection is kept alive unless it closes the writer."""


@dataclass
class Script:
    """The remaining responses, in order, and the requests received."""

    answers: list[Answer]
    requests: list[Received] = field(default_factory=list)
    url: str = ""
    connections: int = 0

    @property
    def targets(self) -> list[str]:
        return [f"{request.method} {request.target}" for request in self.requests]


@asynccontextmanager
async def scripted(*answers: Answer, tls: ssl.SSLContext | None = None) -> AsyncIterator[Script]:
    """Send one response per request; further requests are refused with 418."""
    script = Script(list(answers))
    open_connections: set[asyncio.Task[None]] = set()

    async def connected(reader: StreamReader, writer: StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        open_connections.add(task)
        script.connections += 1
        try:
            await _converse(script, reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            open_connections.discard(task)
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls)
    script.url = f"http{'s' if tls else ''}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield script
    finally:
        server.close()
        for task in set(open_connections):
            task.cancel()
        await asyncio.gather(*open_connections, return_exceptions=True)


async def _converse(script: Script, reader: StreamReader, writer: StreamWriter) -> None:
    while not writer.is_closing():
        script.requests.append(await _receive(reader))
        answer = script.answers.pop(0) if script.answers else reply({}, status=418)
        await answer(reader, writer)
        if not writer.is_closing():
            await writer.drain()


async def _receive(reader: StreamReader) -> Received:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").splitlines()
    method, target, _ = head[0].split(" ")
    pairs = (line.partition(":") for line in head[1:] if line)
    headers = {name.lower(): value.strip() for name, _, value in pairs}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Received(method, target, headers, body)


def reply(body: object, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    """A regular response: `body` is sent unchanged if it is bytes, otherwise as JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    more = {"Content-Length": str(len(content)), **(headers or {})}
    lines = "".join(f"{name}: {value}\r\n" for name, value in more.items())

    async def write(_: StreamReader, writer: StreamWriter) -> None:
        writer.write(f"HTTP/1.1 {status} Scripted\r\n{lines}\r\n".encode() + content)

    return write


def raw(content: bytes, *, hang_up: bool = True) -> Answer:
    """Send exactly these bytes, then close the connection."""

    async def write(_: StreamReader, writer: StreamWriter) -> None:
        writer.write(content)
        await writer.drain()
        if hang_up:
            writer.close()

    return write


async def cut(_: StreamReader, writer: StreamWriter) -> None:
    """Close the connection without a response."""
    writer.close()


async def silence(reader: StreamReader, _: StreamWriter) -> None:
    """Send nothing until the client closes the connection."""
    await reader.read()


TRUNCATED = raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[{")
NOT_HTTP = raw(b"garbage\r\n\r\n")
NO_CONTENT = raw(b"HTTP/1.1 204 No Content\r\n\r\n", hang_up=False)
HTML = reply(b"<html>Bad gateway</html>", status=502, headers={"Content-Type": "text/html"})
EXPIRED = reply(
    {
        "fault": {
            "faultstring": "Access Token expired",
            "detail": {"errorcode": "keymanagement.service.access_token_expired"},
        }
    },
    status=401,
)
JOB = reply({"id": "j1", "status": "success"})
JOBS = reply([{"id": "j1"}, {"id": "j2"}], headers={"X-Total-Count": "57"})
GONE = reply({"code": 404, "message": "not found", "resourceId": "j1"}, status=404)


def failing(status: int, **headers: str) -> Answer:
    """A refusal in the format of Emporix's services; `Retry_After` becomes a header."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return reply({"code": status, "message": f"refused {status}"}, status=status, headers=names)


def token(value: str, *, seconds: object = 14399, scope: str = "tenant=acme a b") -> Answer:
    return reply({"access_token": value, "expires_in": seconds, "scope": scope})
