"""Starts processes for a benchmark; each ends with its `with` block."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from typing import IO, TypeAlias

import aiohttp

from sandbox.processes import PROJECT, ending_with_parent, stop
from sandbox.server import free_port

Ready: TypeAlias = Callable[[], Awaitable[bool]]

START_SECONDS = 60.0
POLL_INTERVAL_SECONDS = 0.005


@asynccontextmanager
async def start_process(
    command: Sequence[str],
    settings: Mapping[str, str],
    ready: Ready,
    stderr: IO[bytes] | None = None,
) -> AsyncIterator[int]:
    """Run `command` in the project until the block ends. Yields its pid once it is `ready`."""
    inherited = {**os.environ}
    inherited.pop("PYTHONDONTWRITEBYTECODE", None)  # without bytecode, starting takes twice as long
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    with nullcontext(stderr) if stderr else tempfile.TemporaryFile() as log:
        process = await asyncio.create_subprocess_exec(
            *ending_with_parent(command),
            cwd=PROJECT,
            env={**inherited, "PATH": path, **settings},
            stdin=asyncio.subprocess.DEVNULL,
            stderr=log,
            start_new_session=True,  # Ctrl-C reaches only this program, which stops the process
        )
        try:
            await _until(ready, process, log)
            yield process.pid
        finally:
            await stop(process)


@asynccontextmanager
async def serve_app(app: str, settings: Mapping[str, str] | None = None) -> AsyncIterator[str]:
    """Serve an ASGI app, given as `module:name`, with the bot's uvicorn settings. Yield its URL."""
    async with serve_process(app, settings) as (_, url):
        yield url


@asynccontextmanager
async def serve_process(
    app: str, settings: Mapping[str, str] | None = None
) -> AsyncIterator[tuple[int, str]]:
    """Serve an ASGI app as `serve_app` does. Yield the process id and the URL."""
    port = free_port()
    options = f"--host 127.0.0.1 --port {port} --log-level warning --no-access-log"
    ending = "--timeout-graceful-shutdown 1"  # an open stream would delay the shutdown
    command = [sys.executable, "-m", "uvicorn", *options.split(), *ending.split(), app]
    async with start_process(command, settings or {}, lambda: _listens(port)) as pid:
        yield pid, f"http://127.0.0.1:{port}"


def resident_bytes(pid: int) -> int:
    """Return a process's resident memory in kB."""
    return int(subprocess.check_output(["ps", "-o", "rss=", "-p", str(pid)]))


def cpu_seconds(pid: int) -> float:
    """Processor time of all threads of a process, in seconds. Linux only.

    Nanoseconds in /proc/<pid>/task/<tid>/schedstat; /proc/<pid>/stat has hundredths of a second.
    """
    threads = Path("/proc", str(pid), "task").glob("*/schedstat")
    return sum(int(thread.read_text().split()[0]) for thread in threads) / 1e9


async def is_healthy(http: aiohttp.ClientSession, url: str) -> bool:
    """Whether a GET request gets a 200."""
    try:
        async with http.get(url) as answer:
            return answer.status == 200
    except aiohttp.ClientError:
        return False


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


async def _until(ready: Ready, process: asyncio.subprocess.Process, log: IO[bytes]) -> None:
    async with asyncio.timeout(START_SECONDS):
        while not await ready():
            if process.returncode is not None:
                log.seek(0)
                raise RuntimeError(f"status {process.returncode}:\n{log.read().decode()}")
            await asyncio.sleep(POLL_INTERVAL_SECONDS)
