"""Redis clients for a single server or Sentinel, and the translation of Redis errors."""

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
from bot.metrics import REDIS_ERRORS, REDIS_SECONDS
from bot.store.encryption import Canary
from bot.store.errors import NOT_PRIMARY_CODES, REDIS_ERROR_LOG, error_kind

Commands: TypeAlias = Any
"""A Redis client: redis-py's annotations don't take `decode_responses` into account."""

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
"""Query parameters accepted in a Redis URL. redis-py would accept any argument of its classes as a
string, and fail later if the argument must not be a string, such as `retry_on_error`."""

SENTINEL_URL_OPTIONS = frozenset({"sentinel_user", "sentinel_password"})
CONNECT_TIMEOUT_SECONDS = 0.5
RESPONSE_TIMEOUT_SECONDS = 0.8
"""Redis normally answers within milliseconds; after this time, fail instead of waiting longer."""

REDIS_NOW = """
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
"""
"""Prefix for Lua scripts that compare times: `now` is Redis's time in seconds since 1970."""

MAX_REDIS_CONNECTIONS = 1000
"""More than `bot.slack.background` runs at once: an exhausted pool looks like a Redis failure."""

RETRYABLE_ERRORS = (ConnectionBroken, ReadOnlyError)
"""Both are retried on a new connection, because the server of the old one may be gone."""

QUEUE_TIMEOUT_SECONDS = 5.0
"""A worker's blocking read takes up to 1 s; no answer for this long means the host is down."""

QUEUE_OPTIONS: dict[str, Any] = {
    "decode_responses": False,
    "socket_timeout": QUEUE_TIMEOUT_SECONDS,
    # No user is waiting, and without a delay all blocked reads would retry at the same time.
    "retry": Retry(
        ExponentialWithJitterBackoff(base=0.2, cap=1.0), 1, supported_errors=RETRYABLE_ERRORS
    ),
}

KEEPALIVE: dict[str, Any] = {
    "socket_keepalive": True,
    "socket_keepalive_options": {
        getattr(socket, name): value
        for name, value in {"TCP_KEEPIDLE": 5, "TCP_KEEPINTVL": 2, "TCP_KEEPCNT": 3}.items()
        if hasattr(socket, name)  # not available on every platform
    },
}
"""An idle connection to a host that is no longer reachable is closed after 5 + 3 * 2 seconds."""


class SharedLink:
    """State shared by a client's connections; connections of an older `generation` reconnect.

    If one connection detects that its server is silent, demoted or gone, the others most likely use
    the same server. They reconnect before their next command, so that it doesn't fail. If there is
    a canary, it must accept each new connection before the connection is used. `is_timed` is False
    if reads block on purpose.
    """

    def __init__(self, canary: Canary | None, *, is_timed: bool = True) -> None:
        self.generation, self.canary, self.is_timed = 0, canary, is_timed


class _LinkedConnection(AbstractConnection):
    """A connection that reports server failures to its link and checks the link before each use."""

    def __init__(self, *, link: SharedLink, **options: Any) -> None:
        super().__init__(**options)
        self._link, self._generation = link, link.generation
        self._sent_at = 0.0  # 0 after the first reply: a pipeline is one round trip

    async def connect(self) -> None:
        """Connect, or reconnect if outdated; the pool calls this before each use."""
        if self.is_connected and self._generation != self._link.generation:
            await self.disconnect(nowait=True)
        await super().connect()  # type: ignore[no-untyped-call]

    async def on_connect(self) -> None:
        """Do nothing: redis-py calls this only for Unix sockets, but the next method for all."""

    async def on_connect_check_health(self, check_health: bool = True) -> None:
        self._generation = self._link.generation
        try:
            await super().on_connect_check_health(check_health)
            if self._link.canary is not None:
                await self._link.canary.admit(self)
        except BaseException:
            await self.disconnect(nowait=True)  # a rejected connection must not look connected
            raise

    async def send_packed_command(self, *args: Any, **options: Any) -> None:
        await super().send_packed_command(*args, **options)
        self._sent_at = time.monotonic()

    async def read_response(self, *args: Any, **options: Any) -> Any:
        began = time.monotonic()
        try:
            response = await super().read_response(*args, **options)
            if self._sent_at and self._link.is_timed:
                REDIS_SECONDS.observe(time.monotonic() - self._sent_at)
                self._sent_at = 0.0
            return response
        except (ConnectionBroken, TookTooLong):
            self._mark_stale()
            raise
        except asyncio.CancelledError:  # the caller's timeout may be shorter than the client's
            if time.monotonic() - began > RESPONSE_TIMEOUT_SECONDS / 2:
                self._mark_stale()
            raise
        except ResponseError as error:
            if (code := error_kind(error)) not in NOT_PRIMARY_CODES:
                raise
            self._mark_stale()
            raise ReadOnlyError(str(error), status_code=code) from error

    def _mark_stale(self) -> None:
        """Make all connections reconnect, unless the error is from an outdated connection."""
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
    """Create a client for a URL of a Redis server or of Sentinel; it connects on first use.

    Server: `redis://…`, `rediss://…` or `unix://…`.
    Sentinel: `redis+sentinel://[user:password@]host:port,host:port/service[/db]`, optionally
    with `?sentinel_user=…&sentinel_password=…`; `rediss+sentinel://` uses TLS for all connections.
    Raises ValueError if the URL is invalid. With a `canary`, no command is sent over a connection
    that the canary doesn't accept.
    """
    return _client(url, _options(canary))


def connect_for_queue(url: str, canary: Canary | None = None) -> Commands:
    """Like `connect`, for the task queue: the client blocks until the next task and reads bytes."""
    link = SharedLink(canary, is_timed=False)
    return _client(url, _options(canary) | QUEUE_OPTIONS | {"link": link})


def check_address(url: str) -> None:
    """Raise ValueError if `connect` couldn't use this URL; the error contains no part of the URL.

    Doesn't connect. If a special character in the password isn't percent-encoded, the rest of the
    URL is parsed as the wrong component.
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
            "is not a Redis URL: compare it with the examples in .env.example; in a password, "
            "percent-encode / as %2F, # as %23, ? as %3F, @ as %40, : as %3A and % as %25"
        )


def _is_usable(parts: SplitResult) -> bool:
    """Whether redis-py would use all of the URL.

    redis-py ignores a path that isn't a number, and uses localhost if the host is missing.
    """
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
    """Log Redis errors and raise them as StoreUnavailable with the kind of the error."""
    try:
        yield
    except (RedisError, OSError, TimeoutError) as error:
        REDIS_ERROR_LOG.log(error)
        REDIS_ERRORS.count(error_kind(error))
        raise StoreUnavailable(error_kind(error)) from error


def _options(canary: Canary | None) -> dict[str, Any]:
    return {
        "link": SharedLink(canary),
        "decode_responses": True,
        "socket_connect_timeout": CONNECT_TIMEOUT_SECONDS,
        "socket_timeout": RESPONSE_TIMEOUT_SECONDS,
        "health_check_interval": 30,
        "max_connections": MAX_REDIS_CONNECTIONS,
        # One retry is enough for a connection that was closed while idle; more retries, or another
        # wait after a timeout, would keep users waiting.
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
        raise ValueError("a Sentinel URL is redis+sentinel://host:port,host:port/service")
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
        raise ValueError("a Sentinel URL has an empty host name")
    return parts.hostname, parts.port or DEFAULT_SENTINEL_PORT
