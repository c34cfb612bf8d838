"""The stand-in Slack and a fake bot on real sockets, and a clock that stands still."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import pytest
from slack_sdk.web.async_client import AsyncWebClient
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from sandbox.server import serving
from sandbox.slack.app import create_app
from sandbox.slack.exchange import tls
from sandbox.slack.person import Person
from sandbox.slack.workspace import Workspace
from tests.sandbox.slack.fake_bot import FakeBot


@dataclass
class StillClock:
    """A clock that stops until a test advances it."""

    now: float = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


class SwappableApp:
    """Serves the app of the current test at a constant address."""

    def __init__(self) -> None:
        self.app: ASGIApp = Response()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)


@dataclass(frozen=True)
class Address:
    """The address of a swappable app."""

    url: str
    swappable: SwappableApp


@pytest.fixture(scope="session")
async def bot_address() -> AsyncIterator[Address]:
    swappable = SwappableApp()
    async with serving(swappable) as url:
        yield Address(url, swappable)


@pytest.fixture(scope="session")
async def slack_address() -> AsyncIterator[Address]:
    swappable = SwappableApp()
    async with serving(swappable) as url:
        yield Address(url, swappable)


@pytest.fixture
def bot(bot_address: Address) -> FakeBot:
    bot = FakeBot()
    bot_address.swappable.app = bot.app()
    return bot


@pytest.fixture
def workspace(clock: StillClock, bot: FakeBot, bot_address: Address) -> Workspace:
    """A workspace whose bot accepts everything until a test scripts it."""
    workspace = Workspace(clock)
    workspace.bot_url = bot_address.url
    return workspace


@pytest.fixture
def slack_url(workspace: Workspace, slack_address: Address) -> str:
    slack_address.swappable.app = create_app(workspace)
    return slack_address.url


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(verify=tls(), trust_env=False) as http:
        yield http


@pytest.fixture
def web(slack_url: str, workspace: Workspace) -> AsyncWebClient:
    return AsyncWebClient(workspace.bot_token, base_url=f"{slack_url}/api/")


@pytest.fixture
def ada(http: httpx.AsyncClient, slack_url: str) -> Person:
    return Person(http, slack_url)


@pytest.fixture
def grace(http: httpx.AsyncClient, slack_url: str) -> Person:
    return Person(http, slack_url, user="grace")
