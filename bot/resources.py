"""A process's connections, keys and stores, opened from its settings."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import aiohttp
from slack_sdk.http_retry.async_handler import AsyncRetryHandler
from slack_sdk.http_retry.builtin_async_handlers import AsyncConnectionErrorRetryHandler
from slack_sdk.http_retry.builtin_interval_calculators import FixedValueRetryIntervalCalculator
from slack_sdk.http_retry.request import HttpRequest
from slack_sdk.http_retry.response import HttpResponse
from slack_sdk.http_retry.state import RetryState
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.times import Clock
from bot.emporix.client import EmporixClient
from bot.emporix.http import http_client
from bot.http_session import http_session
from bot.logs import write_line
from bot.metrics import OTHER, SLACK_CALLS, is_enabled
from bot.services.agents import AGENT_NAMES_TIMEOUT_SECONDS, AgentNames, NamedJobs
from bot.settings import Settings
from bot.slack.errors import MAX_RETRY_AFTER_SECONDS, retry_after_header
from bot.store.accounts import AccountStore, TokenStore
from bot.store.alerts import AlertStore
from bot.store.audit import AuditLog
from bot.store.cleanups import CleanupStore
from bot.store.connection import Commands, connect
from bot.store.digests import DigestStore
from bot.store.due_index import AgentPauseStore, RunStore, agent_pause_store, run_store
from bot.store.encryption import AccountEncryption, Canary, Cipher, parse_keys
from bot.store.watches import WatchStore

Connect = Callable[[str, Canary], Commands]
"""Creates the Redis client for a URL, like `bot.store.connection.connect`."""

EXIT_MISCONFIGURED = 2
"""Exit status of a process whose encryption keys or clock are wrong."""

SLACK_TIMEOUT_SECONDS = 10
RECONNECT_INTERVAL_SECONDS = 0.1  # the delay after an idle connection was closed

MAX_REFUSAL_BYTES = 500  # a refusal begins with "ok" and "error"
_REFUSAL = re.compile(rb'"ok"\s*:\s*false')
_ERROR_CODE = re.compile(rb'"error"\s*:\s*"(\w+)"')

TRIGGER_METHODS = ("/views.open", "/views.push")
"""Methods that are not retried after a rate limit: a Slack trigger expires after 3 s."""


@dataclass(frozen=True, slots=True)
class Resources:
    """The parts that services are built from; `exit_stack` closes all when the process ends."""

    settings: Settings
    clock: Clock
    cipher: Cipher
    redis: Commands
    session: aiohttp.ClientSession
    slack: AsyncWebClient
    accounts: AccountStore
    emporix: EmporixClient
    names: AgentNames
    exit_stack: AsyncExitStack

    @property
    def named_jobs(self) -> NamedJobs:
        return NamedJobs(self.emporix, self.names)

    @property
    def patient_jobs(self) -> NamedJobs:
        """Jobs for reports and Home tabs, which may wait longer for the names of agents."""
        return NamedJobs(self.emporix, self.names, grace_seconds=AGENT_NAMES_TIMEOUT_SECONDS)


@asynccontextmanager
async def open_resources(
    settings: Settings, clock: Clock, canary: Canary, connect: Connect = connect
) -> AsyncIterator[Resources]:
    """Open the connections that a process keeps until it ends."""
    cipher = build_cipher(settings)
    async with AsyncExitStack() as stack:
        redis = connect(settings.redis_url.get_secret_value(), canary)
        stack.push_async_callback(redis.aclose)
        session = await stack.enter_async_context(slack_session())
        http = await stack.enter_async_context(http_client(settings.emporix_api_url))
        emporix = EmporixClient(http, TokenStore(redis, AccountEncryption(cipher)), clock)
        names = AgentNames(emporix, clock)
        stack.push_async_callback(names.close)
        yield Resources(
            settings=settings,
            clock=clock,
            cipher=cipher,
            redis=redis,
            session=session,
            slack=slack_client(settings, session),
            accounts=AccountStore(redis, AccountEncryption(cipher)),
            emporix=emporix,
            names=names,
            exit_stack=stack,
        )


@dataclass(frozen=True, slots=True)
class Stores:
    """Stores shared by several services."""

    account_store: AccountStore
    agent_pause_store: AgentPauseStore
    alert_store: AlertStore
    cleanup_store: CleanupStore
    digest_store: DigestStore
    run_store: RunStore
    watch_store: WatchStore


def build_stores(resources: Resources) -> Stores:
    redis, cipher = resources.redis, resources.cipher
    return Stores(
        account_store=resources.accounts,
        agent_pause_store=agent_pause_store(redis, cipher),
        alert_store=AlertStore(redis, cipher),
        cleanup_store=CleanupStore(redis, cipher),
        digest_store=DigestStore(redis, cipher),
        run_store=run_store(redis, cipher),
        watch_store=WatchStore(redis, cipher),
    )


def audit_log(settings: Settings, redis: Commands) -> AuditLog:
    """The audit log; it also writes JSON lines to standard output if LOG_AUDIT is set."""
    return AuditLog(redis, settings.audit_days, write_line if settings.log_audit else None)


def build_cipher(settings: Settings) -> Cipher:
    return Cipher(parse_keys(settings.encryption_keys.get_secret_value()))


def slack_session() -> aiohttp.ClientSession:
    """Create the process's connection pool for Slack."""
    timeout = aiohttp.ClientTimeout(total=SLACK_TIMEOUT_SECONDS)
    return http_session(timeout=timeout, middlewares=(count_slack_call,) if is_enabled() else ())


RESPONSE_URL_PARTS = frozenset({"commands", "actions", "workflows", "services"})


async def count_slack_call(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Count an HTTP call to Slack, each attempt, by method and outcome."""
    parts = request.url.parts
    method = parts[-1] if "api" in parts[:-1] else _other_method(request)
    outcome = "failed"
    try:
        response = await handler(request)
        outcome = await _outcome(response, is_api="api" in parts[:-1])
    finally:
        SLACK_CALLS.count(method, outcome)
    return response


def _other_method(request: aiohttp.ClientRequest) -> str:
    if "Upgrade" in request.headers:
        return "websocket"
    return "response_url" if RESPONSE_URL_PARTS.intersection(request.url.parts) else "upload"


async def _outcome(response: aiohttp.ClientResponse, *, is_api: bool) -> str:
    """The HTTP status, or Slack's error code: a refusal has status 200, too."""
    if response.status == 429:
        return "429"
    if response.status >= 300:
        return f"{response.status // 100}xx"
    if not is_api:
        return "ok"
    start = (await response.read())[:MAX_REFUSAL_BYTES]  # slack_sdk reads all of it, too
    if not _REFUSAL.search(start):
        return "ok" if start.startswith(b"{") else OTHER
    found = _ERROR_CODE.search(start)
    return found[1].decode() if found else OTHER


def slack_client(
    settings: Settings, session: aiohttp.ClientSession, *, repeats: bool = True
) -> AsyncWebClient:
    """A client for Slack's Web API; with `repeats`, it retries requests that are safe to repeat."""
    return AsyncWebClient(
        token=settings.slack_bot_token.get_secret_value(),
        base_url=f"{settings.slack_api_url}/",
        session=session,
        timeout=SLACK_TIMEOUT_SECONDS,
        retry_handlers=retry_handlers() if repeats else [],
    )


class BriefRateLimitRetries(AsyncRetryHandler):
    """Waits for `Retry-After`, unless it is too long for a waiting user."""

    async def _can_retry_async(
        self,
        *,
        state: RetryState,
        request: HttpRequest,
        response: HttpResponse | None = None,
        error: Exception | None = None,
    ) -> bool:
        if response is None or response.status_code != 429 or request.url.endswith(TRIGGER_METHODS):
            return False
        return retry_after_header(response.headers) <= MAX_RETRY_AFTER_SECONDS

    async def prepare_for_next_attempt_async(
        self,
        *,
        state: RetryState,
        request: HttpRequest,
        response: HttpResponse | None = None,
        error: Exception | None = None,
    ) -> None:
        state.next_attempt_requested = True
        await asyncio.sleep(retry_after_header(response.headers if response else {}))
        state.increment_current_attempt()


def retry_handlers() -> list[AsyncRetryHandler]:
    at_once = FixedValueRetryIntervalCalculator(RECONNECT_INTERVAL_SECONDS)
    return [
        AsyncConnectionErrorRetryHandler(interval_calculator=at_once),
        BriefRateLimitRetries(max_retry_count=2),
    ]
