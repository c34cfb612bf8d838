"""How Redis is reached: by address, by Sentinel, and what happens when it is not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias
from urllib.parse import parse_qs, unquote, urlsplit

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel
from redis.backoff import ExponentialWithJitterBackoff
from redis.exceptions import ConnectionError as ConnectionBroken
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as TookTooLong

from bot.errors import StoreUnavailable

Commands: TypeAlias = Any
"""A Redis client: the annotations of redis-py do not know what `decode_responses` does."""

SENTINEL_SCHEMES = ("redis+sentinel", "rediss+sentinel")
DEFAULT_SENTINEL_PORT = 26379
CONNECT_SECONDS = 0.5
ANSWER_SECONDS = 0.8
"""Redis is near and answers within milliseconds; who waits for longer is better told so."""

REDIS_NOW = """
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
"""
"""Begins a Lua script that compares times: `now` is in seconds since 1970, by Redis's clock."""

MAX_CONNECTIONS = 1000
"""More than `bot.slack.turns` lets in: a pool without one left looks like a Redis that is down."""

QUEUE_OPTIONS: dict[str, Any] = {
    "decode_responses": False,
    "socket_timeout": None,  # a read waits for the next task
    # Nobody waits for an answer, and each waiting read of a worker would try again at once.
    "retry": Retry(
        ExponentialWithJitterBackoff(base=0.2, cap=1.0), 3, supported_errors=(ConnectionBroken,)
    ),
}


def connect(url: str) -> Commands:
    """A client for `redis://`, `rediss://`, `unix://` or a Sentinel address; it connects when used.

    Sentinel: `redis+sentinel://[user:password@]host:port,host:port/service[/db]`, optionally
    with `?sentinel_user=…&sentinel_password=…`; `rediss+sentinel://` speaks TLS to all of them.
    Raises ValueError where the address cannot be understood.
    """
    return _client(url, _options())


def connect_for_queue(url: str) -> Commands:
    """The same, for the queue of tasks: it waits for one in Redis, and reads bytes."""
    return _client(url, _options() | QUEUE_OPTIONS)


@contextmanager
def reaching_redis() -> Iterator[None]:
    """Redis in trouble becomes StoreUnavailable, whatever the trouble is."""
    try:
        yield
    except (RedisError, OSError, TimeoutError) as error:
        raise StoreUnavailable(type(error).__name__) from error


def is_away(error: BaseException) -> bool:
    """Whether Redis was not reached, or did not answer in time."""
    return isinstance(error, ConnectionBroken | TookTooLong)


def _options() -> dict[str, Any]:
    return {
        "decode_responses": True,
        "socket_connect_timeout": CONNECT_SECONDS,
        "socket_timeout": ANSWER_SECONDS,
        "health_check_interval": 30,
        "max_connections": MAX_CONNECTIONS,
        # One more try mends a connection that died idle; more, or another wait after a time-out,
        # would keep people waiting.
        "retry": Retry(
            ExponentialWithJitterBackoff(base=0.02, cap=0.2),
            1,
            supported_errors=(ConnectionBroken,),
        ),
    }


def _client(url: str, options: dict[str, Any]) -> Commands:
    if urlsplit(url).scheme in SENTINEL_SCHEMES:
        return _by_sentinel(url, options)
    return Redis.from_url(url, **options)


def _by_sentinel(url: str, options: dict[str, Any]) -> Commands:
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
            "socket_connect_timeout": CONNECT_SECONDS,
            "socket_timeout": ANSWER_SECONDS,
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
