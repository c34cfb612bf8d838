"""Serves an ASGI app on a local socket within a `with` block."""

from __future__ import annotations

import asyncio
import secrets
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import uvicorn
from starlette.types import ASGIApp

CLOSE_SECONDS = 1
LOOPBACK = "127.0.0.1"


def is_free(port: int) -> bool:
    """Return whether this program can listen on the port of the loopback interface."""
    with suppress(OSError), socket.create_server((LOOPBACK, port)):
        return True
    return False


def free_socket(port: int = 0, host: str = LOOPBACK) -> socket.socket:
    """Open a listening socket, by default on the loopback interface.

    If the port is in use, a free one is chosen.
    """
    try:
        found = socket.create_server((host, port), backlog=1024)
    except OSError:
        found = socket.create_server((host, 0), backlog=1024)
    # asyncio sets this only on its own sockets; without it a response can take 40 ms longer.
    found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return found


def free_port() -> int:
    """Return a port for a process that is about to start.

    It is none of those that the system gives to other programs meanwhile (on Linux, from 32768).
    """
    while not is_free(port := 10_000 + secrets.randbelow(20_000)):
        pass
    return port


def plain_server(app: ASGIApp) -> uvicorn.Server:
    return uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False))


@asynccontextmanager
async def serving(
    app: ASGIApp,
    port: int = 0,
    made_by: Callable[[ASGIApp], uvicorn.Server] = plain_server,
    host: str = LOOPBACK,
) -> AsyncIterator[str]:
    """Serve `app` and return its base URL for this machine, without a trailing slash."""
    listening = free_socket(port, host)
    server = made_by(app)
    server.config.load()
    server.lifespan = server.config.lifespan_class(server.config)
    try:
        await server.startup([listening])
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        await _close(server)


async def _close(server: uvicorn.Server) -> None:
    """Shut down as uvicorn does, but without its pauses: a test run opens a thousand servers."""
    for listener in getattr(server, "servers", ()):  # there are none if the start was cancelled
        listener.close()
    for connection in list(server.server_state.connections):
        connection.shutdown()
    if answering := server.server_state.tasks:
        _, unfinished = await asyncio.wait(answering, timeout=CLOSE_SECONDS)
        for task in unfinished:
            task.cancel()
    await server.lifespan.shutdown()
