"""The surroundings of a web process that is started as in production."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import httpx

from bot.store.encryption import new_key
from sandbox.emporix.app import create_app as create_emporix
from sandbox.emporix.keys import ACME_OPERATIONS
from sandbox.emporix.state import EmporixState
from sandbox.processes import START_SECONDS
from sandbox.server import free_port, serving
from sandbox.slack import payloads
from sandbox.slack.actor import Actor
from sandbox.slack.app import create_app as create_slack
from sandbox.slack.delivery import Ack, deliver
from sandbox.slack.directory import ADA, CHANNELS
from sandbox.slack.person import Person
from sandbox.slack.workspace import Workspace
from sandbox.stack import Transport, transport_settings
from tests.harness.app import patient


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The environment of the process."""

    emporix_state: EmporixState
    workspace: Workspace
    settings: dict[str, str]
    ada: Person
    slack_url: str
    http: httpx.AsyncClient

    @property
    def by_socket(self) -> bool:
        return self.workspace.socket_mode.is_enabled


@asynccontextmanager
async def open_surroundings(redis_url: str, transport: Transport) -> AsyncIterator[Surroundings]:
    emporix_state, workspace = EmporixState(time.time), Workspace(time.time)
    async with AsyncExitStack() as parts:
        emporix = await parts.enter_async_context(serving(create_emporix(emporix_state)))
        slack = await parts.enter_async_context(serving(create_slack(workspace)))
        http = await parts.enter_async_context(httpx.AsyncClient(timeout=30))
        settings = {
            "SLACK_BOT_TOKEN": workspace.bot_token,
            **transport_settings(workspace, transport),
            "SLACK_API_URL": f"{slack}/api/",
            "EMPORIX_API_URL": emporix,
            "REDIS_URL": patient(redis_url),
            "ENCRYPTION_KEYS": new_key(),
            "HOST": "127.0.0.1",
            "PORT": str(free_port()),
            "LOG_LEVEL": "DEBUG",
            "LOG_FORMAT": "json",
        }
        yield Surroundings(emporix_state, workspace, settings, Person(http, slack), slack, http)
        assert workspace.socket_mode.invalid_acks == []


async def connect(surroundings: Surroundings) -> None:
    await surroundings.ada.command("/emporix connect acme")
    await surroundings.ada.submit(
        {
            "Client ID": ACME_OPERATIONS.client_id,
            "Client secret": ACME_OPERATIONS.client_secret,
        }
    )


async def ask(
    surroundings: Surroundings, text: str = "jobs get job-1", http: httpx.AsyncClient | None = None
) -> Ack:
    """Send a command without waiting for its result."""
    actor = Actor(surroundings.workspace, surroundings.slack_url, ADA, CHANNELS[0])
    form = payloads.command(actor, "/emporix", text)
    return await deliver(http or surroundings.http, surroundings.workspace, form)


async def is_ready(surroundings: Surroundings) -> bool:
    try:
        answer = await surroundings.http.get(f"{surroundings.workspace.bot_url}/readyz")
    except httpx.TransportError:
        return False
    return answer.status_code == httpx.codes.OK


async def until_ready(surroundings: Surroundings) -> None:
    async with asyncio.timeout(START_SECONDS):
        while not await is_ready(surroundings):  # noqa: ASYNC110 - another process is watched
            await asyncio.sleep(0.02)
