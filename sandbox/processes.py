"""Starts and stops the bot's processes: from the Procfile, or with the demo's clock."""

from __future__ import annotations

import asyncio
import os
import shlex
import shutil
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx

PROJECT = Path(__file__).parents[1]
START_SECONDS = 20.0
STOP_SECONDS = 30.0  # the bot finishes its running work


class StackError(Exception):
    """Something that the stack needs doesn't start. The message tells the user what to do."""


Command = Callable[[str], list[str]]
"""Returns the command of the process "web" or "worker"."""


def procfile_command(name: str) -> list[str]:
    """Return the command of `web` or `worker` in the Procfile."""
    lines = (PROJECT / "Procfile").read_text(encoding="utf-8").splitlines()
    command = next(line.removeprefix(f"{name}:") for line in lines if line.startswith(f"{name}:"))
    return ["/usr/bin/env", *shlex.split(command)]


def clocked_command(name: str) -> list[str]:
    """Return the same process's command with the shared clock; its file is in the environment."""
    return [sys.executable, "-m", "sandbox.clock.run_bot", name]


def ending_with_parent(command: Sequence[str]) -> list[str]:
    """Make the command end when its parent process dies, for whatever reason.

    This uses util-linux's setpriv, which replaces itself by the command. Without it (macOS), the
    command keeps running.
    """
    setpriv = shutil.which("setpriv")
    return [*([setpriv, "--pdeathsig", "TERM"] if setpriv else []), *command]


@asynccontextmanager
async def web_process(
    settings: Mapping[str, str], command: Command = procfile_command
) -> AsyncIterator[str]:
    """Start the bot's web process, wait until it is ready, and return its base URL."""
    url = f"http://127.0.0.1:{settings['PORT']}"
    async with bot_process("web", settings, command) as process:
        await _until_ready(url, process)
        yield url


@asynccontextmanager
async def bot_process(
    name: str, settings: Mapping[str, str], command: Command = procfile_command
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a process of the bot until the context ends."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    process = await asyncio.create_subprocess_exec(
        *ending_with_parent(command(name)),
        cwd=PROJECT,
        env={**os.environ, **settings, "PATH": path},
        stdin=asyncio.subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C reaches only this program, which then stops the bot
    )
    try:
        yield process
    finally:
        await stop(process)


async def _until_ready(url: str, process: asyncio.subprocess.Process) -> None:
    ends = time.monotonic() + START_SECONDS
    async with httpx.AsyncClient(trust_env=False) as http:
        while time.monotonic() < ends:
            if process.returncode is not None:
                raise StackError(
                    f"The bot ended with status {process.returncode}. The lines above say why."
                )
            try:
                if (await http.get(f"{url}/readyz")).status_code == httpx.codes.OK:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.02)
    raise StackError(f"The bot was not ready within {START_SECONDS:g} s. Try again.")


async def stop(process: asyncio.subprocess.Process) -> None:
    """Stop a process gracefully, or kill it if that takes too long."""
    if process.returncode is not None:
        return
    process.send_signal(signal.SIGINT)  # no grace period for load balancers after SIGTERM
    try:
        await asyncio.wait_for(process.wait(), STOP_SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()


class ProcessSwitch:
    """Starts and stops a process, which is off at first. `start` is its context manager."""

    def __init__(self, start: Callable[[], AbstractAsyncContextManager[object]]) -> None:
        self._start = start
        self._running: AsyncExitStack | None = None
        self._lock = asyncio.Lock()

    @property
    def is_on(self) -> bool:
        return self._running is not None

    async def switch(self, on: bool) -> None:
        """Start or stop the process, and wait until that is done."""
        async with self._lock:
            if on and self._running is None:
                running = AsyncExitStack()
                await running.enter_async_context(self._start())
                self._running = running
            elif not on and self._running is not None:
                running, self._running = self._running, None
                await running.aclose()
