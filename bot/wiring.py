"""The one place where objects are made: settings in, the parts of a process out."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

import bot.listeners
from bot.app import App, build_app
from bot.emporix.client import EmporixClient
from bot.emporix.http import http_client
from bot.keys import parse_keys
from bot.say.render import Say
from bot.services.accounts import Accounts
from bot.services.agents import AgentNames
from bot.services.asking import Asking
from bot.services.deletes import Deletes
from bot.services.exports import Exports
from bot.services.jobs import Jobs
from bot.services.naming import NamedJobs
from bot.services.session_logs import SessionLogs
from bot.services.shared_deletes import SharedDeletes
from bot.services.sharing import Sharing
from bot.services.whole_lists import WholeLists
from bot.settings import Settings
from bot.slack.dispatch import Dispatch
from bot.slack.failures import Failures
from bot.slack.patience import PATIENCE_SECONDS
from bot.slack.registry import discover
from bot.slack.retries import retry_handlers
from bot.slack.work import Work
from bot.slack.zones import Zones
from bot.store.accounts import AccountStore
from bot.store.arrivals import Arrivals
from bot.store.audit import AuditLog
from bot.store.connection import Commands, connect, reaching_redis
from bot.store.cursors import CursorStore, new_cursor_id
from bot.store.deletions import Deletions
from bot.store.records import Records
from bot.store.tokens import TokenStore
from bot.store.vault import Vault
from bot.store.zones import ZoneStore

Clock = Callable[[], float]

SLACK_SECONDS = 10


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
) -> AsyncIterator[Parts]:
    """The parts of a web process, closed when it ends."""
    async with AsyncExitStack() as stack:
        redis = connect(settings.redis_url.get_secret_value())
        stack.push_async_callback(redis.aclose)
        session = await stack.enter_async_context(slack_session())
        http = await stack.enter_async_context(http_client(settings.emporix_api_url))
        records = sealed_records(settings)
        stored = AccountStore(redis, records)
        emporix = EmporixClient(http, TokenStore(redis, records), clock)
        names = AgentNames(emporix, clock)
        stack.push_async_callback(names.close)
        say, work = Say.default(), Work()
        dispatch = Dispatch(
            registry=discover(bot.listeners),
            say=say,
            session=session,
            work=work,
            failures=Failures(say),
            arrivals=Arrivals(redis, stored),
            services=_services(settings, redis, stored, emporix, names, clock, new_cursor_id),
            helpers={"clock": Zones(ZoneStore(redis), clock).clock_for},
            patience_seconds=patience_seconds,
        )
        client = slack_client(settings, session)
        app = build_app(dispatch, client, settings.slack_bot_token.get_secret_value())
        yield Parts(app, work, lambda: _ping(redis))


def _services(
    settings: Settings,
    redis: Commands,
    stored: AccountStore,
    emporix: EmporixClient,
    names: AgentNames,
    clock: Clock,
    new_cursor_id: Callable[[], str],
) -> dict[str, object]:
    """What listeners can ask for by name."""
    cursors, audit, deletions = CursorStore(redis, clock), AuditLog(redis), Deletions(redis)
    named = NamedJobs(emporix, names)
    jobs = Jobs(
        named,
        cursors,
        dashboard_url=settings.emporix_dashboard_url,
        new_cursor_id=new_cursor_id,
        clock=clock,
    )
    deletes = Deletes(emporix, audit)
    sharing = Sharing(
        jobs,
        cursors,
        deletions,
        new_cursor_id=new_cursor_id,
        allow_outsiders=settings.allow_shared_channels,
    )
    return {
        "accounts": Accounts(stored, emporix, clock),
        "asking": Asking(names),
        "jobs": jobs,
        "exports": Exports(emporix),
        "logs": SessionLogs(emporix),
        "whole_lists": WholeLists(named, cursors, clock=clock),
        "deletes": deletes,
        "sharing": sharing,
        "shared_deletes": SharedDeletes(deletes, deletions, clock),
        "audit": audit,
    }


def sealed_records(settings: Settings) -> Records:
    """Reads and writes what is secret in Redis, with the configured keys."""
    return Records(vault(settings))


def vault(settings: Settings) -> Vault:
    return Vault(parse_keys(settings.encryption_keys.get_secret_value()))


def slack_session() -> aiohttp.ClientSession:
    """One pool of connections to Slack for the process."""
    return aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=SLACK_SECONDS))


def slack_client(settings: Settings, session: aiohttp.ClientSession) -> AsyncWebClient:
    """Slack's Web API at the configured address; its token comes with each request."""
    return AsyncWebClient(
        base_url=f"{settings.slack_api_url}/",
        session=session,
        timeout=SLACK_SECONDS,
        retry_handlers=retry_handlers(),
    )


async def _ping(redis: Commands) -> None:
    with reaching_redis():
        await redis.ping()
