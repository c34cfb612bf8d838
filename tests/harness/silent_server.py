"""A server that accepts connections and never answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path


@asynccontextmanager
async def silent_server(folder: Path) -> AsyncIterator[str]:
    """Yield the server's `unix://` address."""

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(1024):
            pass
        writer.close()

    async with await asyncio.start_unix_server(listen, folder / "silent.sock"):
        yield f"unix://{folder / 'silent.sock'}"
