"""Runs the whole app on this machine: Redis, both stand-ins, the web process and the worker."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal, Protocol

import httpx
from redis.exceptions import RedisError
from starlette.routing import BaseRoute

from bot.domain.accounts import Caller
from bot.store import keys as redis_keys
from bot.store.connection import check_address, connect
from bot.store.encryption import CONNECTION_FIELD, DEFAULT_FIELD, TOKEN_FIELD, new_key
from bot.store.errors import ERROR_CODES, error_kind
from sandbox.clock.routes import ClockRoutes
from sandbox.clock.shared_clock import PATH, REDIS, SharedClock
from sandbox.emporix.app import create_app as create_emporix
from sandbox.emporix.keys import ACME_OPERATIONS
from sandbox.emporix.state import EmporixState
from sandbox.processes import (
    START_SECONDS,
    ProcessSwitch,
    StackError,
    bot_process,
    clocked_command,
    web_process,
)
from sandbox.redis_server import redis_server
from sandbox.server import LOOPBACK, free_socket, serving
from sandbox.slack.app import create_app as create_slack
from sandbox.slack.directory import ADA, TEAM_ID
from sandbox.slack.person import Person
from sandbox.slack.workspace import Workspace

REDIS_SECONDS = 3.0

Transport = Literal["http", "socket", "both"]
"""How Slack's requests reach the app: over HTTP or in Socket Mode, or the app accepts both."""


@dataclass(frozen=True, slots=True)
class Stack:
    """The base URLs of a running stack, without a trailing slash."""

    slack_url: str
    emporix_url: str
    bot_url: str
    redis_url: str


class WebPage(Protocol):
    """A web page served by the stand-in Slack. `close` is called before the server stops."""

    def routes(self) -> Sequence[BaseRoute]: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Ports:
    """Preferred ports. 0 means any free port.

    `slack_host` is the IP address that the stand-in Slack and the page listen on.
    """

    slack: int = 0
    emporix: int = 0
    bot: int = 0
    slack_host: str = LOOPBACK


@asynccontextmanager
async def running_stack(
    folder: Path,
    ports: Ports = Ports(),
    page: Callable[[Workspace], WebPage] | None = None,
    *,
    alive: bool = False,
    transport: Transport = "http",
) -> AsyncIterator[Stack]:
    """Start everything and connect Ada to acme. Everything is stopped when the context ends.

    If `alive`, jobs end and new ones start. `folder` contains the data, the encryption key, and the
    clock of all processes, which `/sandbox/clock` moves. `page` creates the web page, which is
    served at the address of the stand-in Slack. `REDIS_URL` in the environment selects a running
    Redis; by default a new one is started. Raises `StackError`.
    """
    async with AsyncExitStack() as parts:
        await _check_redis(os.environ.get("REDIS_URL", ""))
        clock = SharedClock.from_folder(folder)
        redis_url = os.environ.get("REDIS_URL") or parts.enter_context(redis_server(folder / REDIS))
        workspace, emporix_state = Workspace(clock), EmporixState.with_sample_data(clock)
        if alive:
            emporix_state.start_simulation()
        settings: dict[str, str] = {}
        worker = ProcessSwitch(lambda: bot_process("worker", settings, clocked_command))
        key = _encryption_key(folder)
        moving = ClockRoutes(clock, worker, redis_url, key).routes()
        emporix_app = create_emporix(emporix_state)
        emporix = await parts.enter_async_context(serving(emporix_app, ports.emporix))
        slack = await parts.enter_async_context(_slack(workspace, ports, page, moving))
        settings |= _settings(workspace, slack, emporix, redis_url, key, transport) | {
            PATH: str(clock.path),
            "PORT": str(_free_port(ports.bot)),
        }
        bot_url = await parts.enter_async_context(web_process(settings, clocked_command))
        workspace.bot_url = bot_url
        parts.push_async_callback(worker.switch, False)
        await worker.switch(True)
        await _connect_ada(slack)
        workspace.forget_elsewhere = partial(disconnect_others, redis_url)
        yield Stack(slack, emporix, bot_url, redis_url)


async def _check_redis(url: str) -> None:
    """Raises `StackError` if REDIS_URL is set and can't be used, without repeating its password."""
    if not url:
        return
    advice = "Correct it, or unset it to let the demo start its own Redis."
    try:
        check_address(url)
    except ValueError as error:
        raise StackError(f"REDIS_URL {error}. {advice}") from None
    redis = connect(url)
    try:
        await asyncio.wait_for(redis.ping(), REDIS_SECONDS)
    except (RedisError, OSError) as error:
        reason = ERROR_CODES.get(kind := error_kind(error), kind)
        raise StackError(f"The Redis in REDIS_URL can't be used: {reason}. {advice}") from None
    finally:
        await redis.aclose()


def transport_settings(workspace: Workspace, transport: Transport) -> dict[str, str]:
    """Return the settings for a transport, and turn Socket Mode on or off in the Slack app."""
    workspace.socket_mode.is_enabled = transport != "http"
    return {
        "SLACK_APP_TOKEN": "" if transport == "http" else workspace.socket_mode.app_token,
        "SLACK_SIGNING_SECRET": "" if transport == "socket" else workspace.signing_secret,
    }


def _settings(
    workspace: Workspace,
    slack: str,
    emporix: str,
    redis_url: str,
    encryption_key: str,
    transport: Transport,
) -> dict[str, str]:
    """Return the settings of the bot, except those that mark its processes as the demo's."""
    return {
        "SLACK_BOT_TOKEN": workspace.bot_token,
        **transport_settings(workspace, transport),
        "SLACK_API_URL": f"{slack}/api/",
        "EMPORIX_API_URL": emporix,
        "REDIS_URL": redis_url,
        "ENCRYPTION_KEYS": encryption_key,
        "NO_PROXY": "*",  # everything is on this machine
        "no_proxy": "*",
        "HOST": "127.0.0.1",
        "LOG_LEVEL": os.environ.get("LOG_LEVEL", "WARNING"),
    }


@asynccontextmanager
async def _slack(
    workspace: Workspace,
    ports: Ports,
    page: Callable[[Workspace], WebPage] | None,
    more: Sequence[BaseRoute],
) -> AsyncIterator[str]:
    """Run the stand-in Slack, with the page if there is one, and yield its base URL."""
    shown = page(workspace) if page else None
    routes = [*more, *(shown.routes() if shown else ())]
    slack_app = create_slack(workspace, routes)
    async with serving(slack_app, ports.slack, host=ports.slack_host) as url:
        try:
            yield url
        finally:
            if shown:
                shown.close()


async def _connect_ada(slack_url: str) -> None:
    """Connect Ada with the modal, as a user would, and delete the resulting messages."""
    async with httpx.AsyncClient(trust_env=False, timeout=START_SECONDS) as http:
        ada = Person(http, slack_url, "ada")
        await ada.command("/emporix connect acme")
        await ada.submit(
            {
                "Client ID": ACME_OPERATIONS.client_id,
                "Client secret": ACME_OPERATIONS.client_secret,
                "Agent actions": ["Allow agent actions"],
            }
        )
        await http.post(f"{slack_url}/sandbox/forget")


async def disconnect_others(redis_url: str) -> None:
    """Delete all connections except Ada's connection to acme."""
    ada, acme = redis_keys.account(Caller(TEAM_ID, ADA.id)), ACME_OPERATIONS.tenant
    redis = connect(redis_url)
    async for account in redis.scan_iter(redis_keys.ALL_ACCOUNTS):
        if account != ada:
            await redis.delete(account)
    kept = {DEFAULT_FIELD, CONNECTION_FIELD + acme, TOKEN_FIELD + acme}
    if others := set(await redis.hkeys(ada)) - kept:
        await redis.hdel(ada, *others)
        await redis.hset(ada, DEFAULT_FIELD, acme)
    await redis.aclose()


def _encryption_key(folder: Path) -> str:
    """Return the key of this folder's data, creating it the first time."""
    path = folder / "encryption.key"
    if not path.exists():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(new_key(), encoding="ascii")
    return path.read_text(encoding="ascii")


def _free_port(wished: int) -> int:
    with free_socket(wished) as found:
        return int(found.getsockname()[1])
