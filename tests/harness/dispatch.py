"""Runs `Dispatch` with a test's own listeners, with the real server and a stand-in for Slack."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import aiohttp
import httpx
from slack_sdk.web.async_client import AsyncWebClient

from bot.app import build_app
from bot.domain.accounts import Account, Caller
from bot.rendering.renderer import Renderer
from bot.server import Server, ServerLimits
from bot.services.home import HomeService
from bot.slack.background import BackgroundTasks
from bot.slack.decorators import Listener, Registry
from bot.slack.dispatch import Dispatch
from bot.slack.error_handler import ErrorHandler
from bot.slack.injection import Providers
from bot.slack.installation import Installation
from bot.slack.verification import RequestVerifier
from bot.store.audit import AuditLog
from bot.store.connection import connect
from bot.store.idempotency import Deliveries, Delivery
from bot.store.slack_cache import TimeZoneCache
from bot.web import WebParts, build_web
from sandbox.server import serving
from sandbox.slack.app import create_app as create_slack
from sandbox.slack.directory import ADA
from sandbox.slack.exchange import tls
from sandbox.slack.workspace import Workspace
from tests.harness.clock import FakeClock
from tests.harness.signed_requests import Poster


class FakeDeliveries(Deliveries):
    """Accepts every request, from users without connections."""

    def __init__(self) -> None:
        pass

    async def claim_delivery(
        self,
        caller: Caller,
        delivery: str,
        reference: str,
        cursor_id: str = "",
        cursor_owner: str = "",
        *,
        by_person: bool = True,
    ) -> Delivery | None:
        return Delivery(Account(caller), None)


class FakeHomeService(HomeService):
    """Fails the test if a Home tab is rendered."""

    def __init__(self) -> None:
        pass

    async def known(self, caller: Caller) -> Any:
        raise AssertionError("a Home tab was rendered")


def unreachable() -> Any:
    """Return a client of a Redis that doesn't exist."""
    return connect("redis://localhost:1")


@dataclass(frozen=True, slots=True)
class DispatchHarness:
    """`poster` sends requests to the bot."""

    poster: Poster
    workspace: Workspace
    slack_url: str
    work: BackgroundTasks

    def response_url(self) -> str:
        return self.slack_url + self.workspace.response_urls.new(ADA.id, "C0GENERAL")

    def texts(self) -> list[str]:
        """Return the messages that Ada sees, oldest first."""
        return [message.text for message in self.workspace.seen_by(ADA)]


@dataclass(frozen=True)
class DispatchSetup:
    """The parts of the dispatcher."""

    listeners: tuple[Listener, ...]
    work: BackgroundTasks = field(default_factory=BackgroundTasks)
    limits: ServerLimits = field(default_factory=ServerLimits)
    deliveries: Deliveries = field(default_factory=FakeDeliveries)
    services: object = None
    allow_outsiders: bool = False
    audit: AuditLog = field(default_factory=lambda: AuditLog(unreachable()))


@asynccontextmanager
async def open_dispatch(setup: DispatchSetup) -> AsyncIterator[DispatchHarness]:
    clock = FakeClock()
    workspace = Workspace(clock)
    async with (
        serving(create_slack(workspace)) as slack_url,
        httpx.AsyncClient(verify=tls()) as http,
    ):

        @asynccontextmanager
        async def assemble() -> AsyncIterator[WebParts]:
            async with aiohttp.ClientSession() as session:
                client = AsyncWebClient(base_url=f"{slack_url}/api/", session=session)
                asking = AsyncWebClient(
                    workspace.bot_token, base_url=f"{slack_url}/api/", session=session
                )
                dispatch = _dispatch(setup, session, asking)
                app = build_app(dispatch, client, workspace.bot_token)
                yield WebParts(app, setup.work, _ping)

        made = partial(Server, limits=setup.limits)
        guard = RequestVerifier([workspace.signing_secret], clock)
        async with serving(build_web(assemble, guard), made_by=made) as workspace.bot_url:
            poster = Poster(http, workspace.bot_url, workspace.signing_secret, clock)
            yield DispatchHarness(poster, workspace, slack_url, setup.work)


def _dispatch(
    setup: DispatchSetup, session: aiohttp.ClientSession, client: AsyncWebClient
) -> Dispatch:
    renderer = Renderer.default()
    return Dispatch(
        registry=Registry(setup.listeners),
        renderer=renderer,
        session=session,
        background=setup.work,
        error_handler=ErrorHandler(renderer),
        deliveries=setup.deliveries,
        audit=setup.audit,
        installation=Installation(client, allow_outsiders=setup.allow_outsiders),
        services=setup.services,
        providers=Providers(
            renderer, session, FakeHomeService(), TimeZoneCache(unreachable()), FakeClock()
        ),
    )


async def _ping() -> None:
    pass
