"""A proxy in front of Redis that counts the bot's round trips."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

CHUNK = 64 * 1024


class RoundTripCounter:
    """Hands bytes on; `count` grows where something is asked after the last answer.

    So a pipeline, however long, is one, and what is asked over two connections is two.
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
    """The address to give to the bot, for a Redis at a `unix://` address."""
    trips = RoundTripCounter(redis_url.removeprefix("unix://"))
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        path = str(Path(folder, "redis.sock"))
        async with await asyncio.start_unix_server(trips.serve, path):
            yield f"unix://{path}", trips
