"""Connects to Redis, by address or through Sentinel, and translates its errors."""

from __future__ import annotations

import asyncio
import re
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from redis.asyncio import (
    Connection,
    ConnectionPool,
    Redis,
    SSLConnection,
    UnixDomainSocketConnection,
)
from redis.asyncio.connection import AbstractConnection, parse_url
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import (
    Sentinel,
    SentinelManagedConnection,
    SentinelManagedSSLConnection,
)
from redis.backoff import ExponentialWithJitterBackoff
from redis.exceptions import ConnectionError as ConnectionBroken
from redis.exceptions import ReadOnlyError, RedisError, ResponseError
from redis.exceptions import TimeoutError as TookTooLong

from bot.errors import StoreUnavailable
from bot.store.encryption import Canary
from bot.store.errors import NOT_PRIMARY_CODES, REDIS_ERROR_LOG, error_kind

Commands: TypeAlias = Any
"""A Redis client: the annotations of redis-py do not know what `decode_responses` does."""

REDIS_SCHEMES = ("redis://", "rediss://", "unix://", "redis+sentinel://", "rediss+sentinel://")
SENTINEL_SCHEMES = ("redis+sentinel", "rediss+sentinel")
DEFAULT_SENTINEL_PORT = 26379
URL_OPTIONS = frozenset(
    {
        "client_name",
        "db",
        "health_check_interval",
        "max_connections",
        "protocol",
        "socket_connect_timeout",
        "socket_timeout",
        "ssl_ca_certs",
        "ssl_ca_path",
        "ssl_cert_reqs",
        "ssl_certfile",
        "ssl_check_hostname",
        "ssl_keyfile",
        "ssl_password",
    }
)
"""What an address may set after its `?`. redis-py takes any argument of its classes as text there,
and fails when it uses one that must not be text, such as `retry_on_error`."""

SENTINEL_URL_OPTIONS = frozenset({"sentinel_user", "sentinel_password"})
CONNECT_TIMEOUT_SECONDS = 0.5
RESPONSE_TIMEOUT_SECONDS = 0.8
"""Redis is near and answers within milliseconds; who waits for longer is better told so."""

REDIS_NOW = """
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
"""
"""Begins a Lua script that compares times: `now` is in seconds since 1970, by Redis's clock."""

MAX_REDIS_CONNECTIONS = 1000
"""More than `bot.slack.background` runs at once: an empty pool looks like a Redis that is down."""

RETRYABLE_ERRORS = (ConnectionBroken, ReadOnlyError)
"""Both are tried again on a new connection: the old one may lead to a server that is gone."""

QUEUE_TIMEOUT_SECONDS = 5.0
"""A worker's look for a task lasts one second in Redis; no answer for this long is a dead host."""

QUEUE_OPTIONS: dict[str, Any] = {
    "decode_responses": False,
    "socket_timeout": QUEUE_TIMEOUT_SECONDS,
    # Nobody waits for an answer, and each waiting read of a worker would try again at once.
    "retry": Retry(
        ExponentialWithJitterBackoff(base=0.2, cap=1.0), 1, supported_errors=RETRYABLE_ERRORS
    ),
}

KEEPALIVE: dict[str, Any] = {
    "socket_keepalive": True,
    "socket_keepalive_options": {
        getattr(socket, name): value
        for name, value in {"TCP_KEEPIDLE": 5, "TCP_KEEPINTVL": 2, "TCP_KEEPCNT": 3}.items()
        if hasattr(socket, name)  # they are not on every platform
    },
}
"""An idle connection to a host that has vanished is closed after 5 + 3 * 2 seconds."""


class SharedLink:
    """Shared by the connections of one client: those of an older `generation` are not used again.

    Where one connection shows that its server is silent, demoted or gone, the others most likely
    lead to the same server. They reconnect before their next command, instead of failing it.
    Each connection is admitted by the canary, where there is one, before it is used.
    """

    def __init__(self, canary: Canary | None) -> None:
        self.generation, self.canary = 0, canary


class _LinkedConnection(AbstractConnection):
    """A connection that tells its link about a bad server, and asks it before each use."""

    def __init__(self, *, link: SharedLink, **options: Any) -> None:
        super().__init__(**options)
        self._link, self._generation = link, link.generation

    async def connect(self) -> None:
        """The pool calls this each time before it gives the connection to a command."""
        if self.is_connected and self._generation != self._link.generation:
            await self.disconnect(nowait=True)
        await super().connect()  # type: ignore[no-untyped-call]

    async def on_connect(self) -> None:
        """redis-py calls this for Unix sockets only, and the method below for all: once will do."""

    async def on_connect_check_health(self, check_health: bool = True) -> None:
        self._generation = self._link.generation
        try:
            await super().on_connect_check_health(check_health)
            if self._link.canary is not None:
                await self._link.canary.admit(self)
        except BaseException:
            await self.disconnect(nowait=True)  # what was not admitted must not look connected
            raise

    async def read_response(self, *args: Any, **options: Any) -> Any:
        began = time.monotonic()
        try:
            return await super().read_response(*args, **options)
        except (ConnectionBroken, TookTooLong):
            self._mark_stale()
            raise
        except asyncio.CancelledError:  # a caller may wait a little less than the client does
            if time.monotonic() - began > RESPONSE_TIMEOUT_SECONDS / 2:
                self._mark_stale()
            raise
        except ResponseError as error:
            if (code := error_kind(error)) not in NOT_PRIMARY_CODES:
                raise
            self._mark_stale()
            raise ReadOnlyError(str(error), status_code=code) from error

    def _mark_stale(self) -> None:
        """What an old connection meets says nothing about the new ones."""
        if self._generation == self._link.generation:
            self._link.generation += 1


CONNECTION_CLASSES = {
    scheme: type(f"Linked{base.__name__}", (_LinkedConnection, base), {})
    for scheme, base in {
        "redis": Connection,
        "rediss": SSLConnection,
        "unix": UnixDomainSocketConnection,
        "redis+sentinel": SentinelManagedConnection,
        "rediss+sentinel": SentinelManagedSSLConnection,
    }.items()
}


def connect(url: str, canary: Canary | None = None) -> Commands:
    """A client for `redis://`, `rediss://`, `unix://` or a Sentinel address; it connects when used.

    Sentinel: `redis+sentinel://[user:password@]host:port,host:port/service[/db]`, optionally
    with `?sentinel_user=…&sentinel_password=…`; `rediss+sentinel://` speaks TLS to all of them.
    Raises ValueError where the address cannot be understood. With a `canary`, no command is sent
    over a connection that it does not admit.
    """
    return _client(url, _options(canary))


def connect_for_queue(url: str, canary: Canary | None = None) -> Commands:
    """The same, for the queue of tasks: it waits for one in Redis, and reads bytes."""
    return _client(url, _options(canary) | QUEUE_OPTIONS)


def check_address(url: str) -> None:
    """Raises ValueError, which repeats nothing of the address, where `connect` could not use it.

    Nothing is connected. A letter of the password that is not percent-encoded moves all that
    follows it to another part of the address.
    """
    if not url.startswith(REDIS_SCHEMES):
        raise ValueError(f"must begin with one of {', '.join(REDIS_SCHEMES)}")
    try:
        parts = urlsplit(url)
        is_usable = _is_usable(parts)
        connect(url).connection_pool.make_connection()
    except (ValueError, TypeError, RedisError, OSError):
        is_usable = False
    if not is_usable:
        raise ValueError(
            "is not an address of Redis: compare it with the forms in .env.example; in a password, "
            "percent-encode / as %2F, # as %23, ? as %3F, @ as %40, : as %3A and % as %25"
        )


def _is_usable(parts: SplitResult) -> bool:
    """redis-py passes over a path that is no number, and takes a missing host for this machine."""
    if parts.fragment or " " in parts.netloc:
        return False
    allowed = SENTINEL_URL_OPTIONS if parts.scheme in SENTINEL_SCHEMES else URL_OPTIONS
    if not parse_qs(parts.query, keep_blank_values=True).keys() <= allowed:
        return False
    if parts.scheme == "unix":
        return len(parts.path) > 1
    is_led_astray = "@" in parts.path + parts.query or "@" in parts.netloc.rpartition("@")[0]
    if parts.scheme in SENTINEL_SCHEMES:
        return not is_led_astray
    return not is_led_astray and bool(parts.hostname and re.fullmatch(r"(/\d*)?", parts.path))


@contextmanager
def translate_redis_errors() -> Iterator[None]:
    """Redis in trouble becomes StoreUnavailable with the kind of trouble; it is in the log, too."""
    try:
        yield
    except (RedisError, OSError, TimeoutError) as error:
        REDIS_ERROR_LOG.log(error)
        raise StoreUnavailable(error_kind(error)) from error


def _options(canary: Canary | None) -> dict[str, Any]:
    return {
        "link": SharedLink(canary),
        "decode_responses": True,
        "socket_connect_timeout": CONNECT_TIMEOUT_SECONDS,
        "socket_timeout": RESPONSE_TIMEOUT_SECONDS,
        "health_check_interval": 30,
        "max_connections": MAX_REDIS_CONNECTIONS,
        # One more try mends a connection that died idle; more, or another wait after a time-out,
        # would keep people waiting.
        "retry": Retry(
            ExponentialWithJitterBackoff(base=0.02, cap=0.2), 1, supported_errors=RETRYABLE_ERRORS
        ),
    }


def _client(url: str, options: dict[str, Any]) -> Commands:
    scheme = urlsplit(url).scheme
    options |= {"connection_class": CONNECTION_CLASSES[scheme]}
    if scheme != "unix":
        options |= KEEPALIVE
    if scheme in SENTINEL_SCHEMES:
        return _sentinel_client(url, options)
    options |= parse_url(url) | {"connection_class": CONNECTION_CLASSES[scheme]}
    return Redis.from_pool(ConnectionPool(**options))


def _sentinel_client(url: str, options: dict[str, Any]) -> Commands:
    parts = urlsplit(url)
    login, _, hosts = parts.netloc.rpartition("@")
    user, _, password = login.partition(":")
    service, _, db = parts.path.strip("/").partition("/")
    if not hosts or not service:
        raise ValueError("a Sentinel address is redis+sentinel://host:port,host:port/service")
    tls: dict[str, Any] = {"ssl": True} if parts.scheme.startswith("rediss") else {}
    query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    sentinel = Sentinel(  # type: ignore[no-untyped-call]
        [_host_and_port(host) for host in hosts.split(",")],
        sentinel_kwargs={
            "username": query.get("sentinel_user"),
            "password": query.get("sentinel_password"),
            "socket_connect_timeout": CONNECT_TIMEOUT_SECONDS,
            "socket_timeout": RESPONSE_TIMEOUT_SECONDS,
            **KEEPALIVE,
            **tls,
        },
    )
    return sentinel.master_for(
        service,
        username=unquote(user) or None,
        password=unquote(password) or None,
        db=int(db or 0),
        **options,
        **tls,
    )


def _host_and_port(text: str) -> tuple[str, int]:
    parts = urlsplit(f"//{text}")
    if not parts.hostname:
        raise ValueError("a Sentinel address names a host that is empty")
    return parts.hostname, parts.port or DEFAULT_SENTINEL_PORT
