"""A proxy in front of Redis that counts the bot's round trips."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

CHUNK = 64 * 1024


class RoundTripCounter:
    """Forwards bytes. `count` increases with a request after the last response.

    A pipeline of any length is one round trip; requests over two connections are two.
    """

    def __init__(self, redis_socket: str) -> None:
        self._redis_socket = redis_socket
        self.count = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_redis, to_redis = await asyncio.open_unix_connection(self._redis_socket)
        is_answered = True

        async def ask() -> None:
            nonlocal is_answered
            while asked := await reader.read(CHUNK):
                self.count += is_answered
                is_answered = False
                to_redis.write(asked)
            to_redis.close()

        async def answer() -> None:
            nonlocal is_answered
            while answered := await from_redis.read(CHUNK):
                is_answered = True
                writer.write(answered)
            writer.close()

        await asyncio.gather(ask(), answer())


@asynccontextmanager
async def counting_proxy(redis_url: str) -> AsyncIterator[tuple[str, RoundTripCounter]]:
    """Yield the URL of a proxy in front of the Redis at a `unix://` URL."""
    trips = RoundTripCounter(redis_url.removeprefix("unix://"))
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        path = str(Path(folder, "redis.sock"))
        async with await asyncio.start_unix_server(trips.serve, path):
            yield f"unix://{path}", trips
