"""What both processes work with: the pools, the stores and the services."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from bot.emporix.client import EmporixClient
from bot.emporix.http import http_client
from bot.keys import parse_keys
from bot.say.render import Say
from bot.services.accounts import Accounts
from bot.services.agents import AgentNames
from bot.services.asking import Asking
from bot.services.cleans.cleaning import Cleaning
from bot.services.cleans.counting import Counting
from bot.services.cleans.running import CleanRuns
from bot.services.deletes import Deletes
from bot.services.jobs import Jobs
from bot.services.naming import NamedJobs
from bot.services.shared_deletes import SharedDeletes
from bot.services.sharing import Sharing
from bot.settings import Settings
from bot.slack.retries import retry_handlers
from bot.store.accounts import AccountStore
from bot.store.alive import Alive
from bot.store.audit import AuditLog
from bot.store.clean_results import CleanResults
from bot.store.cleans import CleanStore
from bot.store.connection import Commands, connect, reaching_redis
from bot.store.cursors import CursorStore
from bot.store.deletions import Deletions
from bot.store.records import Records
from bot.store.tokens import TokenStore
from bot.store.vault import Vault

Clock = Callable[[], float]
"""Seconds since 1970."""

SLACK_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Shared:
    """One of each for the process; `services` are offered by name to listeners and tasks."""

    redis: Commands
    session: aiohttp.ClientSession
    slack: AsyncWebClient
    say: Say
    accounts: AccountStore
    services: dict[str, object]

    async def ping(self) -> None:
        """Raises StoreUnavailable."""
        with reaching_redis():
            await self.redis.ping()


@asynccontextmanager
async def shared_parts(
    settings: Settings, clock: Clock, new_cursor_id: Callable[[], str]
) -> AsyncIterator[Shared]:
    """The parts that are open as long as the process works."""
    async with AsyncExitStack() as stack:
        redis = connect(settings.redis_url.get_secret_value())
        stack.push_async_callback(redis.aclose)
        session = await stack.enter_async_context(slack_session())
        http = await stack.enter_async_context(http_client(settings.emporix_api_url))
        records = sealed_records(settings)
        emporix = EmporixClient(http, TokenStore(redis, records), clock)
        names = AgentNames(emporix, clock)
        stack.push_async_callback(names.close)
        stored = AccountStore(redis, records)
        yield Shared(
            redis=redis,
            session=session,
            slack=slack_client(settings, session),
            say=Say.default(),
            accounts=stored,
            services={
                **_services(settings, redis, stored, emporix, names, clock, new_cursor_id),
                **_cleans(redis, vault(settings), stored, emporix, names, clock, new_cursor_id),
            },
        )


def _services(
    settings: Settings,
    redis: Commands,
    stored: AccountStore,
    emporix: EmporixClient,
    names: AgentNames,
    clock: Clock,
    new_cursor_id: Callable[[], str],
) -> dict[str, object]:
    cursors, audit, deletions = CursorStore(redis, clock), AuditLog(redis), Deletions(redis)
    jobs = Jobs(
        NamedJobs(emporix, names),
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
        "deletes": deletes,
        "sharing": sharing,
        "shared_deletes": SharedDeletes(deletes, deletions, clock),
        "audit": audit,
        "alive": Alive(redis),
    }


def _cleans(
    redis: Commands,
    keys: Vault,
    stored: AccountStore,
    emporix: EmporixClient,
    names: AgentNames,
    clock: Clock,
    new_id: Callable[[], str],
) -> dict[str, object]:
    kept, results = CleanStore(redis, keys), CleanResults(redis)
    counting = Counting(NamedJobs(emporix, names))
    return {
        "cleaning": Cleaning(
            counting, stored, kept, results, Alive(redis), clock=clock, new_clean_id=new_id
        ),
        "clean_runs": CleanRuns(
            emporix, stored, kept, results, AuditLog(redis), clock=clock, new_owner=new_id
        ),
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
    """Slack's Web API at the configured address; for listeners, its token comes with requests."""
    return AsyncWebClient(
        base_url=f"{settings.slack_api_url}/",
        session=session,
        timeout=SLACK_SECONDS,
        retry_handlers=retry_handlers(),
    )
