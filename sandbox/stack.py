"""The whole app on this machine: Redis, both stand-ins, and the bot's two processes."""

from __future__ import annotations

import asyncio
import os
import shlex
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import httpx
from starlette.routing import BaseRoute

from bot.keys import new_key
from sandbox.emporix.app import create_app as create_emporix
from sandbox.emporix.keys import ACME_OPERATIONS
from sandbox.emporix.world import World
from sandbox.redis import redis_server
from sandbox.serving import free_socket, serving
from sandbox.slack.app import create_app as create_slack
from sandbox.slack.person import Person
from sandbox.slack.workspace import Workspace

PROJECT = Path(__file__).parents[1]
START_SECONDS = 20.0
STOP_SECONDS = 30.0  # the bot finishes what it runs


@dataclass(frozen=True, slots=True)
class Stack:
    """Where everything is: base URLs without a slash at the end."""

    slack_url: str
    emporix_url: str
    bot_url: str
    redis_url: str


class Page(Protocol):
    """Something to look at, served by the stand-in Slack; `close` comes before the server ends."""

    def routes(self) -> Sequence[BaseRoute]: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Ports:
    """Wished ports; a busy one is replaced by a free one, and 0 means any."""

    slack: int = 0
    emporix: int = 0
    bot: int = 0


@asynccontextmanager
async def running(
    folder: Path,
    ports: Ports = Ports(),
    page: Callable[[Workspace], Page] | None = None,
    *,
    alive: bool = False,
) -> AsyncIterator[Stack]:
    """Start everything and connect Ada to acme; on leaving, everything ends.

    While it is `alive`, jobs end and new ones begin. Data and the encryption key stay in `folder`.
    `REDIS_URL`, where it is set, names the Redis. `page` makes what people look at in a browser, at
    the address of the stand-in Slack.
    """
    async with AsyncExitStack() as parts:
        redis_url = os.environ.get("REDIS_URL") or parts.enter_context(
            redis_server(folder / "redis")
        )
        workspace, world = Workspace(time.time), World.believable(time.time)
        if alive:
            world.come_alive()
        emporix = await parts.enter_async_context(serving(create_emporix(world), ports.emporix))
        slack = await parts.enter_async_context(_slack(workspace, ports.slack, page))
        environment = {
            "SLACK_BOT_TOKEN": workspace.bot_token,
            "SLACK_SIGNING_SECRET": workspace.signing_secret,
            "SLACK_API_URL": f"{slack}/api/",
            "EMPORIX_API_URL": emporix,
            "REDIS_URL": redis_url,
            "ENCRYPTION_KEYS": _encryption_key(folder),
            "PORT": str(_free_port(ports.bot)),
            "LOG_LEVEL": os.environ.get("LOG_LEVEL", "WARNING"),
        }
        workspace.bot_url = await parts.enter_async_context(web_process(environment))
        await parts.enter_async_context(bot_process("worker", environment))
        await _connect_ada(slack)
        yield Stack(slack, emporix, workspace.bot_url, redis_url)


@asynccontextmanager
async def _slack(
    workspace: Workspace, port: int, page: Callable[[Workspace], Page] | None
) -> AsyncIterator[str]:
    """The stand-in Slack, with the page where there is one; gives its base URL."""
    shown = page(workspace) if page else None
    async with serving(create_slack(workspace, shown.routes() if shown else ()), port) as url:
        try:
            yield url
        finally:
            if shown:
                shown.close()


@asynccontextmanager
async def web_process(settings: Mapping[str, str]) -> AsyncIterator[str]:
    """The bot as the Procfile starts it, in a process of its own; gives its base URL."""
    url = f"http://127.0.0.1:{settings['PORT']}"
    async with bot_process("web", settings) as process:
        await _until_ready(url, process)
        yield url


@asynccontextmanager
async def bot_process(
    name: str, settings: Mapping[str, str]
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process of the Procfile; it is told to stop when it is left."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    process = await asyncio.create_subprocess_exec(
        *procfile_command(name),
        cwd=PROJECT,
        env={**os.environ, **settings, "PATH": path},
        stdin=asyncio.subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C is for us; the bot is told in its turn
    )
    try:
        yield process
    finally:
        await _stop(process)


def procfile_command(name: str) -> list[str]:
    """What the Procfile says after `web:` or `worker:`."""
    lines = (PROJECT / "Procfile").read_text(encoding="utf-8").splitlines()
    command = next(line.removeprefix(f"{name}:") for line in lines if line.startswith(f"{name}:"))
    return ["/usr/bin/env", *shlex.split(command)]


async def _until_ready(url: str, process: asyncio.subprocess.Process) -> None:
    ends = time.monotonic() + START_SECONDS
    async with httpx.AsyncClient() as http:
        while time.monotonic() < ends:
            if process.returncode is not None:
                raise RuntimeError(f"the bot ended with status {process.returncode}")
            try:
                if (await http.get(f"{url}/readyz")).status_code == httpx.codes.OK:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.02)
    raise RuntimeError("the bot was not ready in time")


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    try:
        await asyncio.wait_for(process.wait(), STOP_SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()


async def _connect_ada(slack_url: str) -> None:
    """As Ada would do it, by the modal; then the channel is cleaned up."""
    async with httpx.AsyncClient(timeout=START_SECONDS) as http:
        ada = Person(http, slack_url, "ada")
        await ada.command("/emporix connect acme")
        await ada.submit(
            {
                "Client ID": ACME_OPERATIONS.client_id,
                "Client secret": ACME_OPERATIONS.client_secret,
            }
        )
        await http.post(f"{slack_url}/sandbox/forget")


def _encryption_key(folder: Path) -> str:
    """The key of this folder's data, made once."""
    path = folder / "encryption.key"
    if not path.exists():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(new_key(), encoding="ascii")
    return path.read_text(encoding="ascii")


def _free_port(wished: int) -> int:
    with free_socket(wished) as found:
        return int(found.getsockname()[1])
