"""A TCP proxy in front of a Redis on a Unix socket, to simulate a lost host or a failover."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit


class Proxy:
    """Forwards each new connection to `target`. Open connections keep their server.

    `target` is a `unix://` URL as returned by `sandbox.redis_server.redis_server`; it can be
    changed.
    """

    def __init__(self, target: str) -> None:
        self.target, self.port = target, 0
        self._silenced: list[asyncio.Event] = []
        self._pumps: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def opened(self) -> int:
        """Return the number of connections opened so far."""
        return len(self._silenced)

    def vanish(self) -> None:
        """Drop all bytes of open connections without closing them, as if the host were lost."""
        for silenced in self._silenced:
            silenced.set()

    async def close(self) -> None:
        for pump in self._pumps:
            pump.cancel()
        await asyncio.gather(*self._pumps, return_exceptions=True)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path = urlsplit(self.target).path
        server_reader, server_writer = await asyncio.open_unix_connection(path)
        silenced = asyncio.Event()
        self._silenced.append(silenced)
        for source, target in ((reader, server_writer), (server_reader, writer)):
            pump = asyncio.create_task(_pump(source, target, silenced))
            self._pumps.add(pump)
            pump.add_done_callback(self._pumps.discard)


async def _pump(
    source: asyncio.StreamReader, target: asyncio.StreamWriter, silenced: asyncio.Event
) -> None:
    try:
        while data := await source.read(65536):
            if silenced.is_set():
                continue
            target.write(data)
            await target.drain()
    except ConnectionError:
        pass
    finally:
        target.close()


@asynccontextmanager
async def proxied(target: str) -> AsyncIterator[Proxy]:
    """Run a proxy in front of `target` on a free port."""
    proxy = Proxy(target)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.port = int(server.sockets[0].getsockname()[1])
    try:
        yield proxy
    finally:
        server.close()
        await proxy.close()
