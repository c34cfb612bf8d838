"""The bot with stand-ins for Slack and Emporix, all on real sockets, for one test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import Any

import httpx
from redis.exceptions import RedisError

from bot.resources import build_cipher
from bot.server import Server
from bot.settings import Settings
from bot.slack.verification import RequestVerifier
from bot.store import keys as redis_keys
from bot.store.connection import connect
from bot.store.encryption import Canary, Cipher, new_key
from bot.store.idempotency import DELIVERY_TIMEOUT_SECONDS
from bot.web import assemble, build_web
from bot.worker import assemble_worker
from sandbox.emporix.app import create_app as create_emporix
from sandbox.emporix.keys import Key
from sandbox.emporix.state import EmporixState
from sandbox.server import serving
from sandbox.slack.app import create_app as create_slack
from sandbox.slack.exchange import tls
from sandbox.slack.person import Exchange, Person
from sandbox.slack.workspace import Workspace
from sandbox.stack import Transport, transport_settings
from tests.harness.clock import FakeClock
from tests.harness.redis_clock import clocked_connect
from tests.harness.worker import FakeQueue, FakeWorker

TRANSPORTS: tuple[Transport, ...] = ("http", "socket")

PLACEHOLDER_DELAY_SECONDS = 60.0
"""Seconds. High, so that a busy machine doesn't add loading states to tests."""


@dataclass(frozen=True, slots=True)
class AppHarness:
    """`ada` and `grace` act in Slack; `emporix_state` is the state of the stand-in for Emporix.

    `redis` contains the bot's data, encrypted with `cipher`. Scheduled tasks run when a test calls
    `worker.work()`.
    """

    workspace: Workspace
    emporix_state: EmporixState
    redis: Any
    http: httpx.AsyncClient
    slack_url: str
    bot_url: str
    clock: FakeClock
    worker: FakeWorker
    cipher: Cipher

    def person(self, user: str, channel: str = "general") -> Person:
        return Person(self.http, self.slack_url, user, channel)

    @property
    def ada(self) -> Person:
        return self.person("ada")

    @property
    def grace(self) -> Person:
        return self.person("grace")

    async def connect(
        self, person: Person, key: Key, tenant: str = "", *, with_actions: bool = False
    ) -> Exchange:
        """Connect a user with the command and the modal; `with_actions` allows agent actions."""
        await person.command("/emporix connect")
        actions = {"Agent actions": ["Allow agent actions"]} if with_actions else {}
        return await person.submit(
            {
                "Tenant": tenant or key.tenant,
                "Client ID": key.client_id,
                "Client secret": key.client_secret,
                **actions,
            }
        )


@asynccontextmanager
async def open_app(
    redis: Any,
    redis_url: str,
    clock: FakeClock,
    *,
    loading_after_seconds: float = PLACEHOLDER_DELAY_SECONDS,
    transport: Transport = "http",
    is_patient: bool = True,
    **settings_of_test: object,
) -> AsyncIterator[AppHarness]:
    """Start everything, with no user connected.

    Replies that take longer than `loading_after_seconds` show a loading state. The app gets Slack's
    requests over HTTP or in Socket Mode. It waits long for Redis unless `is_patient` is False.
    """
    if is_patient:
        redis_url = patient(redis_url)
    emporix_state, workspace = EmporixState(clock), Workspace(clock)
    if "encryption_keys" not in settings_of_test:
        await _forget_keys(redis_url)
    async with AsyncExitStack() as parts:
        emporix = await parts.enter_async_context(serving(create_emporix(emporix_state)))
        slack = await parts.enter_async_context(serving(create_slack(workspace)))
        settings = Settings.model_validate(
            {
                "slack_bot_token": workspace.bot_token,
                **_non_empty(transport_settings(workspace, transport)),
                "slack_api_url": f"{slack}/api/",
                "emporix_api_url": emporix,
                "redis_url": redis_url,
                "encryption_keys": new_key(),
                # Redis expires these in real time, of which a test takes almost none.
                "slack_channel_reads_per_minute": 6000,
            }
            | settings_of_test
        )
        cipher = build_cipher(settings)
        web = build_web(
            partial(
                assemble,
                settings,
                clock,
                _numbered("cursor"),
                loading_after_seconds,
                _numbered("digest"),
                PATIENCE_SECONDS if is_patient else DELIVERY_TIMEOUT_SECONDS,
            ),
            RequestVerifier([workspace.signing_secret], clock) if transport != "socket" else None,
        )
        workspace.bot_url = await parts.enter_async_context(serving(web, made_by=Server))
        if transport != "http":
            await workspace.socket_mode.until_connected(1)
        http = await parts.enter_async_context(httpx.AsyncClient(verify=tls()))
        queue = FakeQueue(clock)
        worker_parts = await parts.enter_async_context(
            assemble_worker(
                settings, queue, Canary(cipher), clock, clock.sleep, clocked_connect(clock)
            )
        )
        worker = FakeWorker(worker_parts, queue, clock)
        yield AppHarness(
            workspace, emporix_state, redis, http, slack, workspace.bot_url, clock, worker, cipher
        )


def _non_empty(settings: Mapping[str, str]) -> dict[str, str]:
    """Return settings as in the environment, where empty values count as not set."""
    return {name.lower(): value for name, value in settings.items() if value}


PATIENCE_SECONDS = 20


def patient(redis_url: str) -> str:
    """The address with a long timeout: on a busy machine, Redis can take longer than 0.8 s."""
    timeouts = f"socket_timeout={PATIENCE_SECONDS}&socket_connect_timeout={PATIENCE_SECONDS}"
    return f"{redis_url}?{timeouts}"


async def _forget_keys(redis_url: str) -> None:
    """Delete the canary of another test's encryption keys, if Redis is available."""
    client = connect(redis_url)
    with suppress(RedisError):
        await client.delete(redis_keys.canary())
    await client.aclose()


def _numbered(kind: str) -> Callable[[], str]:
    """Generate sequential ids, for stable snapshots."""
    numbers = count(1)
    return lambda: f"{kind}-{next(numbers)}"
