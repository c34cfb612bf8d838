"""The parts of the web process."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import bot.listeners
from bot.app import App, build_app
from bot.errors import StoreUnavailable
from bot.settings import Settings
from bot.slack.directly import Directly
from bot.slack.dispatch import Dispatch
from bot.slack.failures import Failures
from bot.slack.home import home_tabs
from bot.slack.installation import Installation
from bot.slack.patience import PATIENCE_SECONDS
from bot.slack.registry import discover
from bot.slack.work import Work
from bot.slack.zones import Zones
from bot.store.arrivals import Arrivals
from bot.store.canary import Canary
from bot.store.chart_support import ChartSupport
from bot.store.cursors import new_cursor_id
from bot.store.digests import new_digest_id
from bot.store.zones import ZoneStore
from bot.wiring.shared import REFUSED, Clock, audit_log, shared_parts, slack_client, vault


@dataclass(frozen=True, slots=True)
class Parts:
    """What the web process works with."""

    app: App
    work: Work
    ping: Callable[[], Awaitable[None]]


@asynccontextmanager
async def assemble(
    settings: Settings,
    clock: Clock = time.time,
    new_cursor_id: Callable[[], str] = new_cursor_id,
    patience_seconds: float = PATIENCE_SECONDS,
    new_digest_id: Callable[[], str] = new_digest_id,
) -> AsyncIterator[Parts]:
    """The parts of a web process, closed when it ends."""
    canary = Canary(vault(settings), _exit)
    async with shared_parts(settings, clock, canary, new_cursor_id, new_digest_id) as shared:
        with suppress(StoreUnavailable):  # the app starts without Redis, but not with wrong keys
            await shared.ping()
        work = Work()
        installation = Installation(shared.slack, allow_outsiders=settings.allow_shared_channels)
        await installation.learn()
        shared.say.preload()
        dispatch = Dispatch(
            registry=discover(bot.listeners),
            say=shared.say,
            session=shared.session,
            work=work,
            failures=Failures(shared.say),
            arrivals=Arrivals(shared.redis, shared.accounts),
            installation=installation,
            audit=audit_log(settings, shared.redis),
            charts=ChartSupport(shared.redis),
            services={**shared.services, "directly": Directly(shared.say, shared.slack)},
            helpers={
                "clock": Zones(ZoneStore(shared.redis), clock).clock_for,
                "home": home_tabs(shared.say, shared.overviews),
            },
            patience_seconds=patience_seconds,
        )
        token = settings.slack_bot_token.get_secret_value()
        client = slack_client(settings, shared.session)
        client.token = None  # Bolt gives one to each request, and warns of another
        yield Parts(build_app(dispatch, client, token), work, shared.ping)


def _exit() -> None:
    """At once: every request would fail, and uvicorn has no other way to end with this status."""
    os._exit(REFUSED)
